"""Request bodies: a middleware that refuses some by their headers alone, and the JSON reader of both APIs."""

import codecs
import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core.errors import ErrorCode
from core.http.errors import error_response

# How much of the path to a wrong value an error shows: this many keys, and this many characters of each.
MAX_KEYS, MAX_KEY_LENGTH = 20, 50
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotJSON(Exception):
    """The text is not JSON (RFC 8259). `path` leads to the wrong value where that is known."""

    def __init__(self, message: str, path: tuple[str, ...] = ()) -> None:
        self.path = path
        super().__init__(message)


def read_json(text: bytes) -> Any:
    """The value of a JSON text. Raises NotJSON.

    Strict: UTF-8, no NaN or Infinity, at most 1,024 levels, no lone surrogates. Those have no form in UTF-8, so no
    database, hash or response could take them.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "surrogate" in error.msg:
            path = _path_to_surrogate(text)
            raise NotJSON(f"has half of a surrogate pair at character {error.pos}", path) from None
        raise NotJSON(f"is not JSON (RFC 8259): {error.msg} at character {error.pos}") from None


def _path_to_surrogate(text: bytes) -> tuple[str, ...]:
    """The keys that lead to a text with a lone surrogate; () if not found. Takes time linear in the text's length."""
    try:
        pending: list[tuple[Any, Any]] = [(json.loads(text), None)]
    except (ValueError, RecursionError):
        return ()
    while pending:
        value, parents = pending.pop()
        if isinstance(value, str) and _SURROGATE.search(value):
            return _keys(parents)
        pairs: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in pairs:
            if isinstance(item, str | dict | list):
                pending.append((item, (parents, str(key))))
    return ()


def _keys(parents: Any) -> tuple[str, ...]:
    """The keys of nested (parents, key) pairs, outermost first, up to one that cannot be shown. Long ones are cut."""
    keys: list[str] = []
    while parents is not None:
        parents, key = parents
        keys.append(key[:MAX_KEY_LENGTH])
    shown = itertools.takewhile(lambda key: not _SURROGATE.search(key), reversed(keys))
    return tuple(itertools.islice(shown, MAX_KEYS))


def is_utf8(charset: str | None) -> bool:
    """Whether a body whose header names this charset can be read as UTF-8."""
    try:
        return charset is None or codecs.lookup(charset).name in ("utf-8", "ascii")
    except (LookupError, ValueError):
        return False


def readable_body(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: refuses a body that is too long, compressed, without a length or not in UTF-8.

    The limit is MAX_UPLOAD_BODY_BYTES for a form with files (multipart), that of LONGER_FORMS for its paths, else
    MAX_BODY_BYTES.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        return _refusal(request) or get_response(request)

    return middleware


def _refusal(request: HttpRequest) -> HttpResponse | None:
    meta = request.META
    path, accept = request.path_info, meta.get("HTTP_ACCEPT", "")
    if "HTTP_TRANSFER_ENCODING" in meta and not meta.get("CONTENT_LENGTH"):
        # Django would read it as empty.
        return error_response(path, accept, 411, "Send the body with a Content-Length, not chunked.")
    try:
        length = int(meta.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    limit = settings.MAX_BODY_BYTES
    if request.content_type == "multipart/form-data":
        limit = settings.LONGER_FORMS.get(path, settings.MAX_UPLOAD_BODY_BYTES)
    if length > limit:
        message = f"The body is too large: at most {limit} bytes."
        return error_response(path, accept, 413, message, extensions={"reason": ErrorCode.LIMIT_EXCEEDED})
    encoding = meta.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if length and encoding not in ("", "identity"):
        message = f"Send the body as it is: Content-Encoding “{encoding[:20]}” is not taken."
        return error_response(path, accept, 415, message, headers={"Accept-Encoding": "identity"})
    # For a request without a body too: Django reads the query string by this charset.
    charset = {name.lower(): value for name, value in (request.content_params or {}).items()}.get("charset")
    if not is_utf8(charset):
        return error_response(path, accept, 415, f"The charset must be UTF-8, not “{str(charset)[:20]}”.")
    return None
