"""Fields and serializers that read REST parameters as strictly as GraphQL reads its arguments."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from core.parsing import parse_datetime, parse_decimal, parse_float, parse_integer


class _ParsedField(serializers.Field[Any, Any, Any, Any]):
    """A field that a function of core.parsing reads."""

    parse: Callable[[Any], Any]

    def to_internal_value(self, data: Any) -> Any:
        try:
            return type(self).parse(data)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from None


@extend_schema_field({"type": "string", "format": "decimal", "pattern": r"^\d{1,10}(\.\d{1,2})?$"})
class DecimalParameter(_ParsedField):
    parse = staticmethod(parse_decimal)

    def to_representation(self, value: Decimal) -> str:
        return format(value, "f")


@extend_schema_field({"type": "integer"})
class IntegerParameter(_ParsedField):
    parse = staticmethod(parse_integer)


@extend_schema_field({"type": "number"})
class FloatParameter(_ParsedField):
    parse = staticmethod(parse_float)


@extend_schema_field(OpenApiTypes.DATETIME)
class DateTimeParameter(_ParsedField):
    @staticmethod
    def parse(value: Any) -> datetime:
        try:
            return parse_datetime(value)
        except ValueError as error:
            # The most common mistake: a plus sign in a query string means a space.
            hint = " (In a URL the plus sign of an offset is written %2B.)" if " " in str(value) else ""
            raise ValueError(f"{error}{hint}") from None

    def to_representation(self, value: datetime) -> str:
        return value.isoformat()


class TextField(serializers.CharField):
    """A text. Unlike REST framework's field, it does not accept numbers."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ParametersSerializer(serializers.Serializer[Any]):
    """Query parameters. An unknown parameter is an error, and so is one given twice that is not a list."""

    def __init__(self, data: QueryDict | None = None) -> None:
        self.query = data = QueryDict() if data is None else data
        lists = {name for name, field in self._declared_fields.items() if isinstance(field, serializers.ListField)}
        # A plain dict: read as an HTML form, an absent boolean would count as false.
        plain = {name: data.getlist(name) if name in lists else data[name] for name in data}
        super().__init__(data=plain)

    def to_internal_value(self, data: Any) -> Any:
        errors: dict[str, list[ErrorDetail]] = {}
        for name in self.query:
            field = self.fields.get(name)
            if field is None:
                errors[name] = [ErrorDetail("There is no such parameter.", code="unknown")]
            elif not isinstance(field, serializers.ListField) and len(self.query.getlist(name)) > 1:
                errors[name] = [ErrorDetail("Give this parameter once.", code="invalid")]
        if errors:
            raise ValidationError(errors)
        try:
            return super().to_internal_value(data)
        except ValidationError as error:
            # A list's own errors come by index; here the parameter is what the client knows.
            details: Any = error.detail
            raise ValidationError({name: _flat(by_index) for name, by_index in details.items()}) from None


def _flat(details: Any) -> list[ErrorDetail]:
    return list(chain.from_iterable(details.values())) if isinstance(details, dict) else details
