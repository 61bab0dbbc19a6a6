"""The GraphQL endpoint: a request is read, its operation executed, and the answer given its status."""

import asyncio
import inspect
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from graphql import ExecutionResult, execute

from core import pages
from core.auth.policy import is_staff
from core.auth.tokens import challenge
from core.errors import Throttled
from core.graphql import multipart
from core.graphql.authentication import authenticate, refused_token
from core.graphql.documents import Document, DocumentRefused, Documents, Operation, persisted_text, register
from core.graphql.errors import Code, api_error, formatted
from core.graphql.inputs import coerce_variables
from core.graphql.limits import exceeded
from core.graphql.requests import ALLOWED, BadRequest, Call, answer_type, parse_call, wants_page
from core.graphql.statuses import media_type_of, status_of_bad_request, status_of_refusal, status_of_result
from core.http.errors import JSON
from core.http.methods import options_response
from core.rate_limit import charge, show_budget
from core.schema import COSTS, schema
from core.telemetry.metrics import PLANLESS
from core.telemetry.recording import note

documents = Documents(schema.graphql_schema, COSTS)


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
        call = parse_call(request)
        authenticate(request)
        result = _run(request, call)
    except BadRequest as refused:
        place = {"field": refused.field} if refused.field else {}
        error = api_error(Code.BAD_USER_INPUT, refused.message, **place)
        return _response({"errors": [formatted(error)]}, media_type, status_of_bad_request(refused), refused.headers)
    except Throttled as spent:
        error = api_error(Code.THROTTLED, str(spent), retryAfter=spent.retry_after)
        return _response({"errors": [formatted(error)]}, media_type, 429, {"Retry-After": str(spent.retry_after)})
    except DocumentRefused as refused:
        note(errors=len(refused.errors))
        errors = [formatted(error) for error in refused.errors]
        is_upload = multipart.is_at_fault(request, refused.errors)
        status = status_of_refusal(refused.errors, media_type, is_upload=is_upload)
        headers = {"WWW-Authenticate": challenge(getattr(request, "token_refused", None))} if status == 401 else None
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


def _run(request: HttpRequest, call: Call) -> ExecutionResult:
    """Executes the call. Raises DocumentRefused before anything ran, BadRequest for a mutation over GET."""
    curious = settings.GRAPHQL_INTROSPECTION or is_staff(request.user)
    text, digest = persisted_text(call.query, call.persisted)
    document = documents.get(text, hide_suggestions=not curious)
    operation = document.operation(call.operation_name)
    if refused := refused_token(request, document.node, operation.node):
        raise DocumentRefused([refused])
    if document.introspects and not curious:
        message = "Questions about the schema are for staff here."
        raise DocumentRefused([api_error(Code.VALIDATION_FAILED, message)])
    if digest is not None:
        register(digest, text)
    if request.method != "POST" and not operation.is_query:
        raise BadRequest("Only queries are served over GET.", 405, Allow="POST")
    name = operation.node.name.value if operation.node.name else None
    note(operation=name, operation_type=operation.node.operation.value)
    variables = coerce_variables(documents.schema, document.node, operation.node, call.variables)
    if isinstance(variables, list):
        raise DocumentRefused(variables)
    cost = operation.cost.total(variables, {})
    if cost > settings.GRAPHQL_MAX_COST:
        raise DocumentRefused([exceeded("cost", cost, settings.GRAPHQL_MAX_COST)])
    charge(request, cost)
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
        operation_name=call.operation_name,
    )
    return asyncio.run(result) if inspect.iscoroutine(result) else result  # type: ignore[return-value]


def _response(
    answer: dict[str, Any], media_type: str, status: int, headers: dict[str, str] | None = None
) -> HttpResponse:
    content_type = f"{media_type_of(status, media_type)}; charset=utf-8"
    return HttpResponse(orjson.dumps(answer), status=status, content_type=content_type, headers=headers)
