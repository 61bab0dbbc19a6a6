"""The scalars of the API. Unlike graphene's, they refuse 1e400, NaN, floats for decimals, and times without offset."""

from datetime import datetime
from decimal import Decimal as PythonDecimal
from typing import Any

import graphene
from django.db import models
from graphene_django.converter import convert_django_field
from graphql import IntValueNode, StringValueNode, ValueNode

from core.parsing import parse_datetime, parse_decimal


class Decimal(graphene.Scalar):
    """A decimal number as a string, so that no digit is lost."""

    @staticmethod
    def serialize(value: PythonDecimal) -> str:
        """Plain notation, without an exponent."""
        return format(value, "f")

    @staticmethod
    def parse_value(value: Any) -> PythonDecimal:
        """A variable's value: a string or an int."""
        return parse_decimal(value)

    @staticmethod
    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> PythonDecimal:
        """A literal: a string or an int."""
        return parse_decimal(node.value if isinstance(node, StringValueNode | IntValueNode) else None)


class DateTime(graphene.Scalar):
    """ISO 8601 with a UTC offset; a value without one is refused."""

    @staticmethod
    def serialize(value: datetime) -> str:
        """ISO 8601 with the offset."""
        return value.isoformat()

    @staticmethod
    def parse_value(value: Any) -> datetime:
        """A variable's value."""
        return parse_datetime(value if isinstance(value, str) else None)

    @staticmethod
    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> datetime:
        """A literal."""
        return parse_datetime(node.value if isinstance(node, StringValueNode) else None)


@convert_django_field.register(models.DateTimeField)
def convert_datetime(field: "models.DateTimeField[Any, Any]", registry: Any = None) -> DateTime:
    """Uses this DateTime for model fields too, since a schema cannot have two scalars with one name."""
    return DateTime(description=field.help_text or None, required=not field.null)
