"""How REST bodies are read; apart from core.rest, which REST framework cannot import while it is itself imported."""

from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser, MultiPartParser


class JsonParser(JSONParser):
    """Reads JSON; a body nested too deeply for the parser is malformed, not a crash."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """The parsed body. Raises ParseError."""
        try:
            return super().parse(*args, **kwargs)
        except RecursionError:
            raise ParseError("JSON parse error: nested too deeply") from None


class FormParser(MultiPartParser):
    """Reads multipart/form-data; too many fields or files are malformed, which Django would answer as HTML."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """The parsed form. Raises ParseError, RequestDataTooBig."""
        try:
            return super().parse(*args, **kwargs)
        except RequestDataTooBig:
            raise
        except (SuspiciousOperation, OSError) as error:
            raise ParseError(f"Multipart form parse error: {error}") from None
