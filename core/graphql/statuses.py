"""The HTTP status of a GraphQL answer (GraphQL over HTTP, Status Codes), by the setting GRAPHQL_STATUS.

"2023" is the working draft of that year, which today's clients and the audits of graphql-http follow. A refusal is 400
as application/graphql-response+json, and 200 as application/json.

"draft" is the draft of August 2026 (commit e1e46e7). A request that can be read but is not valid is 422 in both media
types. Data with errors is 294 as application/graphql-response+json, and 200 as application/json.
"""

from collections.abc import Sequence

from django.conf import settings
from graphql import GraphQLError

from core.graphql.errors import Code
from core.graphql.requests import BadRequest
from core.http.errors import GRAPHQL_JSON

PARTIAL_SUCCESS = 294
# Codes of requests that could not be read or found. Others were read and are invalid.
_NOT_READ = {Code.PARSE_FAILED, Code.PERSISTED_QUERY_NOT_FOUND}


def is_draft() -> bool:
    return settings.GRAPHQL_STATUS == "draft"


def status_of_bad_request(refused: BadRequest) -> int:
    return 422 if is_draft() and refused.unprocessable else refused.status


def status_of_refusal(errors: Sequence[GraphQLError], media_type: str, *, is_upload: bool) -> int:
    """The status of a refused document. `is_upload`: it came with files, or should have."""
    codes = {(error.extensions or {}).get("code", Code.VALIDATION_FAILED) for error in errors}
    if Code.UNAUTHENTICATED in codes:
        return 401
    if is_draft():
        return 400 if codes & _NOT_READ else 422
    return 400 if media_type == GRAPHQL_JSON or is_upload else 200


def status_of_result(has_errors: bool, media_type: str) -> int:
    return PARTIAL_SUCCESS if has_errors and is_draft() and media_type == GRAPHQL_JSON else 200


def media_type_of(status: int, media_type: str) -> str:
    """The media type of an answer. The draft allows application/json with 2xx only."""
    return GRAPHQL_JSON if status >= 400 and is_draft() else media_type
