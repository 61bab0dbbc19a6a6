"""Model fields that compare byte by byte on every database, and the time of a row's last change."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone


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


class MovingDateTimeField(models.DateTimeField):
    """The time of the last change. Every save moves it forward, even when the clock went back or stands still.

    Migrations see Django's own field: nothing differs in the database.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "auto_now": True})

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        before, now = getattr(model_instance, self.attname), timezone.now()
        moment = now if before is None else max(now, before + timedelta(microseconds=1))
        setattr(model_instance, self.attname, moment)
        return moment
