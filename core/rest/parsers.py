"""Parsers and content negotiation of REST framework.

REST_FRAMEWORK names these classes, so REST framework imports this module while its own views are still being imported:
nothing here may import these views.
"""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from rest_framework.exceptions import NotAcceptable, ParseError, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from core.http.bodies import NotJSON, read_json
from core.http.negotiation import preferred_type


class JsonParser(JSONParser):
    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Raises ValidationError where the path to the mistake is known, else ParseError."""
        try:
            return read_json(stream.read())
        except NotJSON as error:
            message = f"The body {error}."
            raise (ValidationError({".".join(error.path): message}) if error.path else ParseError(message)) from None
        except OSError:
            raise ParseError("The body ended before its Content-Length.") from None


class FormParser(MultiPartParser):
    """Reads multipart/form-data. Too many fields or files are a ParseError; Django would answer an HTML page."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RequestDataTooBig:
            raise
        except (SuspiciousOperation, OSError) as error:
            raise ParseError(f"Multipart form parse error: {error}") from None


class ContentNegotiation(DefaultContentNegotiation):
    """REST framework's, with the Accept header read as the rest of the service reads it."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        by_type: dict[str, BaseRenderer] = {}
        for renderer in renderers:
            by_type.setdefault(renderer.media_type, renderer)
        chosen = preferred_type(request.META.get("HTTP_ACCEPT", ""), list(by_type))
        if chosen is None:
            raise NotAcceptable(f"Answers are {' or '.join(by_type)}.", available_renderers=list(by_type.values()))
        return by_type[chosen], chosen
