"""GraphQL over HTTP: from a request's bytes to an answer (GraphQL over HTTP, working draft 2023)."""

import asyncio
import inspect
import json
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from graphql import ExecutionResult, execute

from core import pages
from core.auth.tokens import viewer
from core.errors import Throttled
from core.graphql import multipart, persisted
from core.graphql.documents import Document, DocumentRefused, Documents, Operation
from core.graphql.errors import Code, api_error, formatted
from core.graphql.limits import exceeded
from core.graphql.trusted import TrustedDocuments, untrusted
from core.rate_limit import charge, preparation_cost, refusal_cost, show_budget
from core.schema import COSTS, schema
from core.telemetry.metrics import PLANLESS
from core.telemetry.recording import note
from core.values import has_unsafe_characters

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"


@dataclass(frozen=True)
class Call:
    """What a client asks for: the document's text, its hash or its id, its variables and which operation of it."""

    query: str | None
    variables: dict[str, Any]
    operation_name: str | None
    persisted: Any
    document_id: str | None


class BadRequest(Exception):
    """The request is no GraphQL request; answered with this status and message."""

    def __init__(self, message: str, status: int = 400, **headers: str) -> None:
        self.message, self.status, self.headers = message, status, headers
        super().__init__(message)


documents = Documents(schema.graphql_schema, COSTS)
trusted = TrustedDocuments.load(settings.GRAPHQL_TRUSTED_DOCUMENTS)
# Characters of an operation's name that logs and metrics look at; a client may choose one of any length.
MAX_NAME = 100


@csrf_exempt
def graphql(request: HttpRequest) -> HttpResponse:
    """The GraphQL endpoint; a browser that asks for a page gets GraphiQL.

    Cookies authenticate nothing here, so there is nothing for a forged cross-site request to use.
    """
    asks = not request.GET.keys().isdisjoint(("query", "extensions", "documentId"))
    if request.method == "GET" and not asks and _accepts_page(request):
        return pages.graphiql(request)
    media_type = JSON
    try:
        media_type = _media_type(request)
        call = _parse(request)
        request.user = viewer(request)  # type: ignore[assignment]
        result = _run(request, call)
    except BadRequest as refused:
        error = api_error(Code.BAD_USER_INPUT, refused.message)
        return _response({"errors": [formatted(error)]}, media_type, refused.status, refused.headers)
    except Throttled as spent:
        error = api_error(Code.THROTTLED, str(spent), retryAfter=spent.retry_after)
        return _response({"errors": [formatted(error)]}, media_type, 429, {"Retry-After": str(spent.retry_after)})
    except DocumentRefused as refused:
        note(errors=len(refused.errors))
        errors = [formatted(error) for error in refused.errors]
        bad = media_type == GRAPHQL_JSON or multipart.is_at_fault(request, refused.errors)
        return _response({"errors": errors}, media_type, 400 if bad else 200)
    answer: dict[str, Any] = {}
    if result.errors:
        note(errors=len(result.errors))
        answer["errors"] = [formatted(error) for error in result.errors]
    answer["data"] = result.data
    answer["extensions"] = result.extensions
    # RFC 9110 §10.2.3; the answer itself is 200, for other fields of it may have been served.
    retry_after = getattr(request, "retry_after", None)
    response = _response(answer, media_type, 200, {"Retry-After": str(retry_after)} if retry_after else None)
    show_budget(request, response)
    return response


def _accepts_page(request: HttpRequest) -> bool:
    """Whether the client is a browser that wants a page to look at."""
    preferred = request.get_preferred_type([JSON, GRAPHQL_JSON, "text/html"])
    return preferred == "text/html"


def _media_type(request: HttpRequest) -> str:
    """The media type of the answer, by the Accept header. Raises BadRequest (406) when neither of ours is accepted."""
    if "HTTP_ACCEPT" not in request.META:
        return JSON
    chosen = request.get_preferred_type([JSON, GRAPHQL_JSON])
    if chosen is None:
        raise BadRequest(f"Answers are {GRAPHQL_JSON} or {JSON}.", 406)
    return chosen


def _parse(request: HttpRequest) -> Call:
    """The call of a GET or POST request. Raises BadRequest."""
    if request.method == "GET":
        names = ("query", "variables", "operationName", "extensions", "documentId")
        asked: Any = {name: request.GET.get(name) for name in names}
        for name in ("variables", "extensions"):
            asked[name] = _json(asked[name].encode("utf-8", "surrogatepass"), name) if asked[name] else None
    elif request.method == "POST":
        if request.content_type == multipart.MULTIPART:
            asked = _multipart(request)
        elif request.content_type == JSON:
            try:
                asked = _json(request.body, "body")
            except RequestDataTooBig:
                raise BadRequest("The body is too large.", 413) from None
        else:
            raise BadRequest(f"The body must be {JSON}, or {multipart.MULTIPART} with files.", 415)
    else:
        raise BadRequest("GraphQL is spoken by GET and POST.", 405, Allow="GET, POST")
    if isinstance(asked, list):
        raise BadRequest("Batches of operations are not served: send them one by one.")
    if not isinstance(asked, dict):
        raise BadRequest("The body must be a JSON object.")
    for name in ("variables", "extensions"):
        if not isinstance(asked.get(name), dict | None):
            raise BadRequest(f"`{name}` must be a map.")
    for name in ("query", "operationName", "documentId"):
        given = asked.get(name)
        if not isinstance(given, str | None) or (name == "operationName" and has_unsafe_characters(given or "")):
            raise BadRequest(f"`{name}` must be a string.")
    query, hashed = asked.get("query"), (asked.get("extensions") or {}).get("persistedQuery")
    document_id = asked.get("documentId")
    if not (query or "").strip() and (query is not None or (hashed is None and not document_id)):
        raise BadRequest("`query` must be the text of a GraphQL document.")
    return Call(query, asked.get("variables") or {}, asked.get("operationName"), hashed, document_id)


def _multipart(request: HttpRequest) -> Any:
    """The operations of a multipart request with its files in their places. Raises BadRequest."""
    try:
        multipart.check_preflight(request)
        operations, places, files = multipart.form(request)
        asked = _json(operations.encode("utf-8", "surrogatepass"), "operations")
        multipart.put_files(asked, _json(places.encode("utf-8", "surrogatepass"), "map"), files)
    except multipart.NotMultipart as refused:
        raise BadRequest(str(refused), refused.status) from None
    return asked


def _json(text: bytes, name: str) -> Any:
    """The parsed JSON, lone surrogates included (they are refused later, by field). Raises BadRequest."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        return json.loads(text.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError):
        raise BadRequest(f"The {name} must be JSON (RFC 8259).") from None


def _run(request: HttpRequest, call: Call) -> ExecutionResult:
    """Executes the call. Raises DocumentRefused before anything ran, BadRequest for a mutation over GET."""
    try:
        digest, text = _named(call)
        document = documents.find(digest)
        if document is not None and (text is not None or document.persisted):
            return _answer(request, call, document, digest)
        if text is None:
            text = persisted.find(digest)
        if preparation := preparation_cost(text):
            charge(request, preparation)
        document = documents.prepare(text, hide_suggestions=not _may_introspect(request))
        document.persisted = call.query is None
        try:
            return _answer(request, call, document, digest)
        finally:
            if documents.find(digest) is not document:
                document.let_go()
    except (DocumentRefused, BadRequest):
        charge(request, refusal_cost(request))
        raise


def _may_introspect(request: HttpRequest) -> bool:
    """Whether the client may ask about the schema, and is told names that he may have meant."""
    return settings.GRAPHQL_INTROSPECTION or getattr(request.user, "is_staff", False)


def _named(call: Call) -> tuple[str, str | None]:
    """The SHA-256 of the call's document, and its text unless that is to be looked up. Raises DocumentRefused."""
    digest, text = persisted.asked_digest(call.query, call.persisted), call.query
    if text is None:
        digest = digest or call.document_id or ""
        text = trusted.text(digest)
    if text is not None:
        digest = persisted.digest_of(text)
    if settings.GRAPHQL_TRUSTED_ONLY and not trusted.has(digest or ""):
        raise persisted.not_found() if call.query is None else untrusted()
    return digest or "", text


def _answer(request: HttpRequest, call: Call, document: Document, digest: str) -> ExecutionResult:
    """Executes one operation of a document that holds; keeps the document when it, and the client, may be served."""
    if document.introspects and not _may_introspect(request):
        message = "Questions about the schema are for staff here."
        raise DocumentRefused([api_error(Code.VALIDATION_FAILED, message)])
    operation = document.operation(call.operation_name)
    if request.method == "GET" and not operation.is_query:
        raise BadRequest("Only queries are served over GET.", 405, Allow="POST")
    name = operation.name[:MAX_NAME] if operation.name else None
    note(operation=name, operation_type=operation.node.operation.value)
    variables = operation.variables.coerce(call.variables)
    if isinstance(variables, list):
        raise DocumentRefused(variables)
    cost = operation.cost.total(variables, {})
    if cost > settings.GRAPHQL_MAX_COST:
        raise DocumentRefused([exceeded("cost", cost, settings.GRAPHQL_MAX_COST)])
    charge(request, cost)
    # Only now: what is refused, for its cost too, leaves nothing behind.
    is_member = request.user.is_authenticated
    documents.keep(digest, document, at_once=is_member or trusted.has(digest))
    if call.persisted is not None and call.query is not None and document.may_be_kept and not document.persisted:
        document.persisted = persisted.register(digest, call.query, is_member=is_member)
    result = _execute(request, call, document, operation, variables)
    result.extensions = {"cost": {"requested": cost, "maximum": settings.GRAPHQL_MAX_COST}}
    return result


def _execute(
    request: HttpRequest, call: Call, document: Document, operation: Operation, variables: dict[str, Any]
) -> ExecutionResult:
    """By the operation's plan, or by graphql-core's executor when there is none or the setting says so."""
    if settings.GRAPHQL_EXECUTION == "compiled":
        if operation.plans is not None:
            return operation.plans.execute(None, request, variables)
        PLANLESS.inc()
    result = execute(
        documents.schema,
        document.node,
        context_value=request,
        variable_values=call.variables,
        operation_name=operation.name,
    )
    return asyncio.run(result) if inspect.iscoroutine(result) else result  # type: ignore[return-value]


def _response(
    answer: dict[str, Any], media_type: str, status: int, headers: dict[str, str] | None = None
) -> HttpResponse:
    response = HttpResponse(
        orjson.dumps(answer), status=status, content_type=f"{media_type}; charset=utf-8", headers=headers
    )
    patch_vary_headers(response, ["Accept", "Authorization"])
    return response
