"""From an HTTP request to what a client asks of GraphQL, and the media type of its answer (GraphQL over HTTP)."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from core.graphql import multipart
from core.http.bodies import NotJSON, read_json
from core.http.errors import GRAPHQL_JSON, JSON
from core.http.negotiation import preferred_type
from core.parsing import has_unsafe_characters

ALLOWED = ("GET", "HEAD", "OPTIONS", "POST")


@dataclass(frozen=True)
class Call:
    """What a client asks for: the document's text, its hash or its id, its variables and which operation of it."""

    query: str | None
    variables: dict[str, Any]
    operation_name: str | None
    persisted: Any
    document_id: str | None


class BadRequest(Exception):
    """The request is no GraphQL request; answered with this status and message.

    `unprocessable`: it was read, but is not well-formed, which the present draft tells from what cannot be read.
    `field`: the field at fault, when it is known.
    """

    def __init__(
        self, message: str, status: int = 400, *, unprocessable: bool = False, field: str | None = None, **headers: str
    ) -> None:
        self.message, self.status, self.headers = message, status, headers
        self.unprocessable, self.field = unprocessable, field
        super().__init__(message)


def wants_page(request: HttpRequest) -> bool:
    """Whether this is a browser that wants a page to look at, not the answer to a query."""
    asks = not request.GET.keys().isdisjoint(("query", "extensions", "documentId"))
    if request.method not in ("GET", "HEAD") or asks:
        return False
    return preferred_type(request.META.get("HTTP_ACCEPT", ""), [JSON, GRAPHQL_JSON, "text/html"]) == "text/html"


def answer_type(request: HttpRequest) -> str:
    """The media type of the answer, by the Accept header. Raises BadRequest (406) when neither of ours is accepted."""
    chosen = preferred_type(request.META.get("HTTP_ACCEPT", ""), [JSON, GRAPHQL_JSON])
    if chosen is None:
        raise BadRequest(f"Answers are {GRAPHQL_JSON} or {JSON}.", 406)
    return chosen


def parse_call(request: HttpRequest) -> Call:
    """The call of a GET (HEAD) or POST request. Raises BadRequest."""
    if request.method in ("GET", "HEAD"):
        names = ("query", "variables", "operationName", "extensions", "documentId")
        asked: Any = {name: request.GET.get(name) for name in names}
        for name in ("variables", "extensions"):
            asked[name] = _json(asked[name].encode(), name) if asked[name] else None
    elif request.method != "POST":
        raise BadRequest("GraphQL is spoken by GET and POST.", 405, Allow=", ".join(ALLOWED))
    elif request.content_type == multipart.MULTIPART:
        asked = _multipart(request)
    elif request.content_type == JSON:
        asked = _json(_body(request), "body")
    else:
        raise BadRequest(f"The body must be {JSON}, or {multipart.MULTIPART} with files.", 415)
    return _well_formed(asked)


def _well_formed(asked: Any) -> Call:
    """The call of a request's parameters. Raises BadRequest."""
    if isinstance(asked, list):
        raise BadRequest("Batches of operations are not served: send them one by one.", unprocessable=True)
    if not isinstance(asked, dict):
        raise BadRequest("The body must be a JSON object.", unprocessable=True)
    for name in ("variables", "extensions"):
        if not isinstance(asked.get(name), dict | None):
            raise BadRequest(f"`{name}` must be a map.", unprocessable=True)
    for name in ("query", "operationName", "documentId"):
        given = asked.get(name)
        if not isinstance(given, str | None) or (name == "operationName" and has_unsafe_characters(given or "")):
            raise BadRequest(f"`{name}` must be a string.", unprocessable=True)
    query, hashed = asked.get("query"), (asked.get("extensions") or {}).get("persistedQuery")
    document_id = asked.get("documentId")
    if not (query or "").strip() and (query is not None or (hashed is None and not document_id)):
        raise BadRequest("`query` must be the text of a GraphQL document.", unprocessable=True)
    return Call(query, asked.get("variables") or {}, asked.get("operationName"), hashed, document_id)


def _body(request: HttpRequest) -> bytes:
    """The body's bytes. Raises BadRequest."""
    try:
        return request.body
    except RequestDataTooBig:
        raise BadRequest("The body is too large.", 413) from None
    except OSError:
        raise BadRequest("The body ended before its Content-Length.") from None


def _multipart(request: HttpRequest) -> Any:
    """The operations of a multipart request with its files in their places. Raises BadRequest."""
    try:
        multipart.check_preflight(request)
        operations, places, files = multipart.form(request)
        asked = _json(operations.encode(), "operations")
        multipart.put_files(asked, _json(places.encode(), "map"), files)
    except multipart.NotMultipart as refused:
        raise BadRequest(str(refused), refused.status) from None
    return asked


def _json(text: bytes, name: str) -> Any:
    """The parsed JSON. Raises BadRequest."""
    try:
        return read_json(text)
    except NotJSON as error:
        path = error.path[1:] if error.path[:1] == ("variables",) else error.path
        raise BadRequest(f"The {name} {error}.", field=".".join(path) or None) from None
