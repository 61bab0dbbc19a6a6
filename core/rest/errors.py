"""Errors of the REST API: their conversion from domain errors, their JSON shape, and its documentation."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework import serializers
from rest_framework.exceptions import APIException, ErrorDetail, NotFound, Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from core import errors
from core.errors import InvalidInput
from core.http.errors import rest_error


def api_exception(error: InvalidInput, names: Mapping[str, str]) -> APIException:
    """What a view raises for a domain error: 429 for too many attempts, else 400 with each field error.

    `names` maps dotted paths of fields to the request's parameters. For a path that is not in it, its last part is
    used.
    """
    if isinstance(error, errors.Throttled):
        return Throttled(error.retry_after)
    details: dict[str, list[ErrorDetail]] = {}
    for field_error in error.field_errors:
        path = ".".join(field_error.path)
        name = names.get(path) or (field_error.path[-1] if field_error.path else "non_field_errors")
        details.setdefault(name, []).append(ErrorDetail(field_error.message, code=field_error.code.lower()))
    return ValidationError(details)


class BodyTooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = "The body is too large."


class Handler(ExceptionHandler):
    """drf-standardized-errors' handler, which also knows domain errors and what Django raises for a large body."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, InvalidInput):
            return api_exception(exc, {})
        return BodyTooLarge() if isinstance(exc, RequestDataTooBig) else super().convert_known_exceptions(exc)


class NoSuchPath(APIView):
    """Answers unknown paths below /api/v1/ with 404 in the API's error shape, for every method."""

    authentication_classes: list[type] = []
    permission_classes: list[type] = []
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("There is no such path (they all end in a slash).")


class ErrorDetailSerializer(serializers.Serializer[Any]):
    """One mistake."""

    code = serializers.CharField(help_text="What kind of mistake, for programs.")
    detail = serializers.CharField(help_text="What is wrong, for people.")
    attr = serializers.CharField(allow_null=True, help_text="The parameter or field at fault.")


class ErrorSerializer(serializers.Serializer[Any]):
    """The one shape of every error."""

    type = serializers.ChoiceField(
        ["validation_error", "client_error", "server_error"],
        help_text="Whose mistake: the input's, the client's, ours.",
    )
    errors = ErrorDetailSerializer(many=True, help_text="Each mistake, at least one.")  # type: ignore[assignment]


# For each status: description, type, an example's code and its attr.
_DOCUMENTED = {
    400: ("What was sent is wrong; each mistake with its parameter.", "validation_error", "invalid", "limit"),
    401: ("No token, or one that is expired, forged or malformed.", "client_error", "not_authenticated", None),
    403: ("Signed in, but not allowed to.", "client_error", "permission_denied", None),
    404: ("There is no such thing, or not for you.", "client_error", "not_found", None),
    413: ("The body is too large.", "client_error", "too_large", None),
    415: ("The body is of a media type that is not taken here.", "client_error", "unsupported_media_type", None),
    429: (
        "The budget of the caller or of its address is spent: wait as long as `Retry-After` says.",
        "client_error",
        "throttled",
        None,
    ),
}


def error_responses(*statuses: int) -> dict[int, OpenApiResponse]:
    """The documentation of a view's error answers, for `extend_schema(responses=…)`. Every view may answer 429."""
    responses = {}
    for status in sorted({*statuses, 429}):
        description, kind, code, attr = _DOCUMENTED[status]
        value = rest_error(kind, code, description, attr)
        example = OpenApiExample(kind, value=value, response_only=True, status_codes=[str(status)])
        responses[status] = OpenApiResponse(ErrorSerializer, description, examples=[example])
    return responses
