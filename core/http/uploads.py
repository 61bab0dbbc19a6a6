"""How much of an upload is taken in: counted while it is read, so that no more than that is ever stored."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

# A file somewhat too large is read to its end and dropped, so that its sender hears why; far larger bodies are not.
ROOM = 4


class SizeLimit(FileUploadHandler):
    """Drops each file of more than UPLOAD_MAX_BYTES; `oversized(request)` tells which. First of the handlers."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Raises RequestDataTooBig for a body that no room is made for."""
        if content_length > ROOM * settings.UPLOAD_MAX_BYTES:
            raise RequestDataTooBig("The body is too large.")

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begins to count."""
        super().new_file(*args, **kwargs)
        self._received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Counts. Raises SkipFile."""
        self._received += len(raw_data)
        if self._received > settings.UPLOAD_MAX_BYTES:
            if self.request is not None and self.field_name is not None:
                oversized(self.request).add(self.field_name)
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Another handler has the file."""


def oversized(request: HttpRequest) -> set[str]:
    """The names of the form's files that were too large, and therefore dropped."""
    names: set[str] = request.__dict__.setdefault("_oversized", set())
    return names
