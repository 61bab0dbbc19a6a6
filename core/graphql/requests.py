"""Parses HTTP requests into GraphQL calls, and chooses the media type of the answer (GraphQL over HTTP)."""

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
    """One call of a client: the document by its text, hash or id; the operation's name; and the variables."""

    query: str | None
    variables: dict[str, Any]
    operation_name: str | None
    persisted: Any
    document_id: str | None

    @property
    def registers(self) -> bool:
        """Whether it asks to register its text under its hash (core.graphql.persisted)."""
        return self.persisted is not None and self.query is not None


class BadRequest(Exception):
    """The request is not a GraphQL request. It is answered with this status and message.

    `unprocessable`: it could be read, but is not well-formed. The draft of GraphQL over HTTP answers 422 for this.
    `field`: the field that is wrong, when it is known.
    """

    def __init__(
        self, message: str, status: int = 400, *, unprocessable: bool = False, field: str | None = None, **headers: str
    ) -> None:
        self.message, self.status, self.headers = message, status, headers
        self.unprocessable, self.field = unprocessable, field
        super().__init__(message)


def wants_page(request: HttpRequest) -> bool:
    """Whether a browser asks for the GraphiQL page, not for the answer to a query."""
    if request.method not in ("GET", "HEAD"):
        return False
    if not request.GET.keys().isdisjoint(("query", "extensions", "documentId")):
        return False
    return preferred_type(request.META.get("HTTP_ACCEPT", ""), [JSON, GRAPHQL_JSON, "text/html"]) == "text/html"


def answer_type(request: HttpRequest) -> str:
    """The media type of the answer, by the Accept header. Raises BadRequest (406) when the client accepts neither."""
    chosen = preferred_type(request.META.get("HTTP_ACCEPT", ""), [JSON, GRAPHQL_JSON])
    if chosen is None:
        raise BadRequest(f"Answers are {GRAPHQL_JSON} or {JSON}.", 406)
    return chosen


def call_text(request: HttpRequest) -> bytes | None:
    """The unparsed call: the query string of GET (HEAD), the JSON of POST; None for a form. Raises BadRequest."""
    if request.method in ("GET", "HEAD"):
        query: str = request.META.get("QUERY_STRING", "")
        return query.encode("latin-1")
    if request.method != "POST":
        raise BadRequest("GraphQL requests are GET or POST requests.", 405, Allow=", ".join(ALLOWED))
    if request.content_type == multipart.MULTIPART:
        return None
    if request.content_type != JSON:
        raise BadRequest(f"The body must be {JSON}, or {multipart.MULTIPART} with files.", 415)
    return _body(request)


def parse_call(request: HttpRequest, text: bytes | None) -> Call:
    """The call of a request whose `call_text` is this. Raises BadRequest."""
    if text is None:
        return _well_formed(_multipart(request))
    if request.method == "POST":
        return _well_formed(_json(text, "body"))
    names = ("query", "variables", "operationName", "extensions", "documentId")
    parameters: Any = {name: request.GET.get(name) for name in names}
    for name in ("variables", "extensions"):
        parameters[name] = _json(parameters[name].encode(), name) if parameters[name] else None
    return _well_formed(parameters)


def _well_formed(parameters: Any) -> Call:
    """The call of a request's parameters. Raises BadRequest."""
    if isinstance(parameters, list):
        raise BadRequest("Batches of operations are not served: send them one by one.", unprocessable=True)
    if not isinstance(parameters, dict):
        raise BadRequest("The body must be a JSON object.", unprocessable=True)
    for name in ("variables", "extensions"):
        if not isinstance(parameters.get(name), dict | None):
            raise BadRequest(f"`{name}` must be a map.", unprocessable=True)
    for name in ("query", "operationName", "documentId"):
        value = parameters.get(name)
        if not isinstance(value, str | None) or (name == "operationName" and has_unsafe_characters(value or "")):
            raise BadRequest(f"`{name}` must be a string.", unprocessable=True)
    query, persisted = parameters.get("query"), (parameters.get("extensions") or {}).get("persistedQuery")
    document_id = parameters.get("documentId")
    if not (query or "").strip() and (query is not None or (persisted is None and not document_id)):
        raise BadRequest("`query` must be the text of a GraphQL document.", unprocessable=True)
    return Call(query, parameters.get("variables") or {}, parameters.get("operationName"), persisted, document_id)


def _body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig:
        raise BadRequest("The body is too large.", 413) from None
    except OSError:
        raise BadRequest("The body ended before its Content-Length.") from None


def _multipart(request: HttpRequest) -> Any:
    """The `operations` of a multipart request with its files put in. Raises BadRequest."""
    try:
        multipart.check_preflight(request)
        operations_json, map_json, files = multipart.read_form(request)
        operations = _json(operations_json.encode(), "operations")
        multipart.put_files(operations, _json(map_json.encode(), "map"), files)
    except multipart.BadMultipart as refused:
        raise BadRequest(str(refused), refused.status) from None
    return operations


def _json(text: bytes, name: str) -> Any:
    """The parsed JSON. Raises BadRequest."""
    try:
        return read_json(text)
    except NotJSON as error:
        path = error.path[1:] if error.path[:1] == ("variables",) else error.path
        raise BadRequest(f"The {name} {error}.", field=".".join(path) or None) from None
