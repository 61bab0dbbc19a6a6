"""What every REST view stands on: parameters read strictly, domain errors in the one error shape."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import QueryDict
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema_field
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework import serializers
from rest_framework.exceptions import APIException, ErrorDetail, NotFound, ValidationError
from rest_framework.exceptions import Throttled as TooManyRequests
from rest_framework.request import Request
from rest_framework.views import APIView

from core.errors import InvalidInput, Throttled
from core.parsing import parse_datetime, parse_decimal, parse_float, parse_integer


class _Parsed(serializers.Field):
    """A field that one of core.parsing' functions reads."""

    parse: Callable[[Any], Any]

    def to_internal_value(self, data: Any) -> Any:
        """The parsed value."""
        try:
            return type(self).parse(data)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from None


@extend_schema_field({"type": "string", "format": "decimal", "pattern": r"^\d{1,10}(\.\d{1,2})?$"})
class DecimalParameter(_Parsed):
    """An exact decimal number."""

    parse = staticmethod(parse_decimal)

    def to_representation(self, value: Decimal) -> str:
        """Plain notation."""
        return format(value, "f")


class TextField(serializers.CharField):
    """A text; a number is none, which REST framework would take for one."""

    def to_internal_value(self, data: Any) -> str:
        """The text. Raises ValidationError."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field({"type": "integer"})
class IntegerParameter(_Parsed):
    """A whole number in plain ASCII digits, from `least` to `most`."""

    parse = staticmethod(parse_integer)


@extend_schema_field({"type": "number"})
class FloatParameter(_Parsed):
    """A finite number in plain ASCII digits."""

    parse = staticmethod(parse_float)


@extend_schema_field(OpenApiTypes.DATETIME)
class DateTimeParameter(_Parsed):
    """A moment, ISO 8601 with an offset."""

    @staticmethod
    def parse(value: Any) -> datetime:
        """The moment; names the one mistake everybody makes in a URL."""
        try:
            return parse_datetime(value)
        except ValueError as error:
            hint = " (In a URL the plus sign of an offset is written %2B.)" if " " in str(value) else ""
            raise ValueError(f"{error}{hint}") from None

    def to_representation(self, value: datetime) -> str:
        """ISO 8601 with the offset."""
        return value.isoformat()


class ParametersSerializer(serializers.Serializer):
    """Query parameters: an unknown one, or one given twice that is no list, is an error at its name."""

    def __init__(self, data: QueryDict | None = None) -> None:
        self.given = data = QueryDict() if data is None else data
        lists = {name for name, field in self._declared_fields.items() if isinstance(field, serializers.ListField)}
        # A plain dict: read as an HTML form, an absent boolean would count as false.
        plain = {name: data.getlist(name) if name in lists else data[name] for name in data}
        super().__init__(data=plain)

    def to_internal_value(self, data: Any) -> Any:
        """The parsed parameters. Raises ValidationError."""
        errors: dict[str, list[ErrorDetail]] = {}
        for name in self.given:
            field = self.fields.get(name)
            if field is None:
                errors[name] = [ErrorDetail("There is no such parameter.", code="unknown")]
            elif not isinstance(field, serializers.ListField) and len(self.given.getlist(name)) > 1:
                errors[name] = [ErrorDetail("Give this parameter once.", code="invalid")]
        if errors:
            raise ValidationError(errors)
        try:
            return super().to_internal_value(data)
        except ValidationError as error:
            # A list's own errors come by index; here the parameter is what the client knows.
            raise ValidationError({name: _flat(found) for name, found in error.detail.items()}) from None  # type: ignore[union-attr]


def _flat(found: Any) -> list[ErrorDetail]:
    return [detail for details in found.values() for detail in details] if isinstance(found, dict) else found


def refused(error: InvalidInput, names: Mapping[str, str]) -> APIException:
    """The domain error as REST shows it: 429 for too many attempts, else 400 with its mistakes."""
    if isinstance(error, Throttled):
        return TooManyRequests(error.retry_after)
    return validation_error(error, names)


def validation_error(error: InvalidInput, names: Mapping[str, str]) -> ValidationError:
    """The domain error as REST shows it; `names` maps dotted paths to parameters (unmapped: the path's end)."""
    details: dict[str, list[ErrorDetail]] = {}
    for field_error in error.field_errors:
        path = ".".join(field_error.path)
        name = names.get(path) or (field_error.path[-1] if field_error.path else "non_field_errors")
        details.setdefault(name, []).append(ErrorDetail(field_error.message, code=field_error.code.lower()))
    return ValidationError(details)


class BearerScheme(OpenApiAuthenticationExtension):
    """Swagger's Authorize button."""

    target_class = "core.auth.bearer.BearerAuthentication"
    match_subclasses = False
    name = "bearerAuth"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """An access token, as POST auth/token/ answers it."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `token` that `POST /api/v1/auth/token/` answers; it lives for 15 minutes.",
        }


class BodyTooLarge(APIException):
    """413, in the one error shape."""

    status_code = 413
    default_code = "too_large"
    default_detail = "The body is too large."


class Handler(ExceptionHandler):
    """drf-standardized-errors' handler, which does not know what Django raises for a body that is too large."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        """The exception as REST framework knows it."""
        return BodyTooLarge() if isinstance(exc, RequestDataTooBig) else super().convert_known_exceptions(exc)


class NoSuchPath(APIView):
    """Any other path below the API: the same error shape, whatever the method."""

    authentication_classes: list[type] = []
    permission_classes: list[type] = []
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses. Raises NotFound."""
        raise NotFound("There is no such path (they all end in a slash).")


class ErrorDetailSerializer(serializers.Serializer):
    """One mistake."""

    code = serializers.CharField(help_text="What kind of mistake, for programs.")
    detail = serializers.CharField(help_text="What is wrong, for people.")
    attr = serializers.CharField(allow_null=True, help_text="The parameter or field at fault.")


class ErrorSerializer(serializers.Serializer):
    """The one shape of every error."""

    type = serializers.ChoiceField(["validation_error", "client_error", "server_error"])
    errors = ErrorDetailSerializer(many=True)  # type: ignore[assignment]


_ERRORS = {
    400: ("What was sent is wrong; each mistake with its parameter.", "validation_error", "invalid", "limit"),
    401: ("No token, or one that is expired, forged or malformed.", "client_error", "not_authenticated", None),
    403: ("Signed in, but not allowed to.", "client_error", "permission_denied", None),
    404: ("There is no such thing, or not for you.", "client_error", "not_found", None),
    413: ("The body is too large.", "client_error", "too_large", None),
    415: ("The body is of a media type that is not taken here.", "client_error", "unsupported_media_type", None),
    429: ("Too many requests: wait as long as `Retry-After` says.", "client_error", "throttled", None),
}


def error_responses(*statuses: int) -> dict[int, OpenApiResponse]:
    """The documentation of a view's error answers, for `extend_schema(responses=…)`."""
    responses = {}
    for status in statuses:
        description, kind, code, attr = _ERRORS[status]
        value = {"type": kind, "errors": [{"code": code, "detail": description, "attr": attr}]}
        example = OpenApiExample(kind, value=value, response_only=True, status_codes=[str(status)])
        responses[status] = OpenApiResponse(ErrorSerializer, description, examples=[example])
    return responses
