"""The GraphQL endpoint: a request is read, its operation executed, and the answer given its status."""

import asyncio
import inspect
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from graphql import ExecutionResult, execute

from core.auth.policy import is_staff
from core.auth.tokens import challenge, refusal_reason
from core.errors import Throttled
from core.graphql import multipart, persisted
from core.graphql.authentication import authenticate, refused_token
from core.graphql.documents import Document, DocumentRefused, Documents, Operation
from core.graphql.errors import Code, api_error, formatted
from core.graphql.limits import exceeded
from core.graphql.requests import ALLOWED, BadRequest, Call, answer_type, parse_call, wants_page
from core.graphql.statuses import media_type_of, status_of_bad_request, status_of_refusal, status_of_result
from core.graphql.trusted import TrustedDocuments, untrusted
from core.http import pages
from core.http.errors import JSON
from core.http.methods import options_response
from core.schema import COSTS, schema
from core.telemetry.metrics import PLANLESS
from core.telemetry.recording import note
from core.throttling.budget import charge, preparation_cost, refusal_cost, show_budget

documents = Documents(schema.graphql_schema, COSTS)
trusted = TrustedDocuments.load(settings.GRAPHQL_TRUSTED_DOCUMENTS)
# Characters of an operation's name that logs and metrics look at; a client may choose one of any length.
MAX_NAME = 100


@csrf_exempt
def graphql(request: HttpRequest) -> HttpResponse:
    """The GraphQL endpoint; a browser that asks for a page gets GraphiQL.

    Cookies authenticate nothing here, so there is nothing for a forged cross-site request to use.
    """
    if request.method == "OPTIONS":
        # A CORS preflight is answered before.
        return options_response(ALLOWED)
    if wants_page(request):
        return pages.graphiql(request)
    media_type = JSON
    try:
        media_type = answer_type(request)
        authenticate(request)
        result = _run(request, _call(request))
    except BadRequest as refused:
        place = {"field": refused.field} if refused.field else {}
        error = api_error(Code.BAD_USER_INPUT, refused.message, None, **place)
        return _response({"errors": [formatted(error)]}, media_type, status_of_bad_request(refused), refused.headers)
    except Throttled as spent:
        error = api_error(Code.THROTTLED, str(spent), retryAfter=spent.retry_after)
        return _response({"errors": [formatted(error)]}, media_type, 429, {"Retry-After": str(spent.retry_after)})
    except DocumentRefused as refused:
        note(errors=len(refused.errors))
        errors = [formatted(error) for error in refused.errors]
        is_upload = multipart.is_at_fault(request, refused.errors)
        status = status_of_refusal(refused.errors, media_type, is_upload=is_upload)
        headers = {"WWW-Authenticate": challenge(refusal_reason.get(request))} if status == 401 else None
        return _response({"errors": errors}, media_type, status, headers)
    answer: dict[str, Any] = {}
    if result.errors:
        note(errors=len(result.errors))
        answer["errors"] = [formatted(error) for error in result.errors]
    answer["data"] = result.data
    answer["extensions"] = result.extensions
    # RFC 9110 §10.2.3; the answer itself is a success, for other fields of it may have been served.
    retry_after = getattr(request, "retry_after", None)
    headers = {"Retry-After": str(retry_after)} if retry_after else None
    response = _response(answer, media_type, status_of_result(bool(result.errors), media_type), headers)
    show_budget(request, response)
    return response


def _call(request: HttpRequest) -> Call:
    """What the request asks for; reading what is no GraphQL request is charged too. Raises BadRequest, Throttled."""
    try:
        return parse_call(request)
    except BadRequest:
        charge(request, refusal_cost(request))
        raise


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
    return settings.GRAPHQL_INTROSPECTION or is_staff(request.user)


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
    operation = document.operation(call.operation_name)
    if refused := refused_token(request, document.node, operation.node):
        raise DocumentRefused([refused])
    if document.introspects and not _may_introspect(request):
        message = "Questions about the schema are for staff here."
        raise DocumentRefused([api_error(Code.VALIDATION_FAILED, message)])
    if request.method != "POST" and not operation.is_query:
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
    content_type = f"{media_type_of(status, media_type)}; charset=utf-8"
    return HttpResponse(orjson.dumps(answer), status=status, content_type=content_type, headers=headers)
