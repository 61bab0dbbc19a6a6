"""The GraphQL endpoint: has the server answer a request, and writes the HTTP response."""

from collections.abc import Mapping, Sequence

import orjson
from django.http import HttpRequest, HttpResponse
from graphql import GraphQLError, GraphQLSchema

from core.auth.tokens import Reason, challenge
from core.caching import revision
from core.errors import Throttled
from core.graphql import multipart
from core.graphql.answers import Answer, CatalogueRules
from core.graphql.authentication import authenticate
from core.graphql.errors import Code, api_error, formatted, retry_after
from core.graphql.requests import ALLOWED, BadRequest, answer_type, wants_page
from core.graphql.server import Server
from core.graphql.statuses import media_type_of, status_of_bad_request, status_of_refusal, status_of_result
from core.graphql.validation import DocumentRefused
from core.http import pages
from core.http.caching import allow_sharing
from core.http.errors import JSON
from core.http.methods import options_response
from core.telemetry.recording import note
from core.throttling.budget import show_budget


class GraphQLView:
    """Serves a schema. A browser that asks for a page gets GraphiQL."""

    # Cookies authenticate nothing here, so there is nothing for a forged cross-site request to use.
    csrf_exempt = True

    def __init__(self, schema: GraphQLSchema, costs: Mapping[str, int], catalogue: CatalogueRules) -> None:
        self.server = Server(schema, costs, catalogue)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method == "OPTIONS":  # CORS preflights are answered before
            return options_response(ALLOWED)
        if wants_page(request):
            return pages.graphiql(request)
        with revision.request():
            return self._answer(request)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        media_type, bad_token = JSON, None
        try:
            media_type = answer_type(request)
            bad_token = authenticate(request)
            answer = self.server.answer(request, media_type, bad_token)
        except BadRequest as error:
            return _bad_request(error, media_type)
        except Throttled as error:
            return _throttled(error, media_type)
        except DocumentRefused as error:
            return _refused(request, error.errors, media_type, bad_token)
        return _answered(request, answer, media_type)


def _bad_request(error: BadRequest, media_type: str) -> HttpResponse:
    place = {"field": error.field} if error.field else {}
    errors = [api_error(Code.BAD_USER_INPUT, error.message, None, **place)]
    return _response(_shown(errors), media_type, status_of_bad_request(error), error.headers)


def _throttled(error: Throttled, media_type: str) -> HttpResponse:
    errors = [api_error(Code.THROTTLED, str(error), retryAfter=error.retry_after)]
    return _response(_shown(errors), media_type, 429, {"Retry-After": str(error.retry_after)})


def _refused(
    request: HttpRequest, errors: Sequence[GraphQLError], media_type: str, bad_token: Reason | None
) -> HttpResponse:
    """The answer to a refused document."""
    note(errors=len(errors))
    shown = _shown(errors)
    status = status_of_refusal(errors, media_type, is_upload=multipart.concerns_files(request, errors))
    headers = {"WWW-Authenticate": challenge(bad_token)} if status == 401 else None
    return _response(shown, media_type, status, headers)


def _answered(request: HttpRequest, answer: Answer, media_type: str) -> HttpResponse:
    """The answer of an executed operation, which may have errors in some fields."""
    # RFC 9110 §10.2.3. The status is one of success nevertheless, since other fields may have data.
    seconds = retry_after.get(request)
    headers = {"Retry-After": str(seconds)} if seconds else None
    response = _response(answer.content, media_type, status_of_result(answer.has_errors, media_type), headers)
    if not allow_sharing(request, response, answer.shared_until, answer.etag):
        show_budget(request, response)
    return response


def _shown(errors: Sequence[GraphQLError]) -> bytes:
    """The body of a response that has errors only."""
    return orjson.dumps({"errors": [formatted(error) for error in errors]})


def _response(content: bytes, media_type: str, status: int, headers: Mapping[str, str] | None = None) -> HttpResponse:
    content_type = f"{media_type_of(status, media_type)}; charset=utf-8"
    return HttpResponse(content, status=status, content_type=content_type, headers=headers)
