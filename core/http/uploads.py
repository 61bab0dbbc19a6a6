"""Limits the size of uploaded files while they are read, so that nothing larger is ever stored."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

from core.http.request_values import RequestValue

# A body of up to this many times the limit is read to its end although its file is dropped, so that the sender
# gets an answer. A larger one is refused unread.
READ_FACTOR = 4

_oversized: RequestValue[frozenset[str]] = RequestValue("oversized", frozenset())


class SizeLimit(FileUploadHandler):
    """Drops files larger than UPLOAD_MAX_BYTES; `oversized(request)` names them. Must be the first upload handler.

    A view may set another limit, by handlers of its own in `request.upload_handlers`.
    """

    def __init__(self, request: HttpRequest | None = None, *, max_bytes: int | None = None) -> None:
        super().__init__(request)
        self._max_bytes = settings.UPLOAD_MAX_BYTES if max_bytes is None else max_bytes

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Raises RequestDataTooBig."""
        if content_length > READ_FACTOR * self._max_bytes:
            raise RequestDataTooBig("The body is too large.")

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Raises SkipFile."""
        self._received += len(raw_data)
        if self._received > self._max_bytes:
            if self.request is not None and self.field_name is not None:
                _oversized.set(self.request, oversized(self.request) | {self.field_name})
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None  # another handler has the file


def oversized(request: HttpRequest) -> frozenset[str]:
    """The fields of the form whose files were too large and were dropped."""
    return _oversized.get(request)
