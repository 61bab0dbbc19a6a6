"""Model fields that compare byte by byte on every database."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


def binary_collation(connection: BaseDatabaseWrapper) -> str | None:
    """The database's binary collation without space padding, so that 'a' < 'a ' everywhere; None for the default."""
    if connection.vendor != "mysql":
        return None
    return "utf8mb4_nopad_bin" if getattr(connection, "mysql_is_mariadb", False) else "utf8mb4_0900_bin"


class _Binary(models.Field):
    """Gives a text column the binary collation. `db_collation` cannot: it is one name for all databases."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """As Django's, with this database's collation."""
        return {**super().db_parameters(connection), "collation": binary_collation(connection)}


class BinaryCharField(_Binary, models.CharField):
    """A short text in binary order: case, accents and trailing spaces count (slugs, SKUs, sort keys)."""


class BinaryTextField(_Binary, models.TextField):
    """A long text compared byte by byte."""
