"""The HTTP status of a GraphQL answer (GraphQL over HTTP, Status Codes), by the setting GRAPHQL_STATUS.

"2023" is the working draft of that year, which clients and the audits of graphql-http know: 400 for whatever was
refused as application/graphql-response+json, 200 for the same as application/json. "draft" is the one of August 2026
(commit e1e46e7): 422 for what can be read but is not valid, in both media types, and 294 beside data with errors. That
one is only recommended with application/graphql-response+json, which alone says what it means.
"""

from collections.abc import Sequence

from django.conf import settings
from graphql import GraphQLError

from core.graphql.errors import Code
from core.graphql.requests import BadRequest
from core.http.errors import GRAPHQL_JSON

PARTIAL_SUCCESS = 294
# Refused for what cannot be read or found, not for what is invalid.
_NOT_READ = {Code.PARSE_FAILED, Code.PERSISTED_QUERY_NOT_FOUND}


def is_draft() -> bool:
    """Whether the present draft's statuses are wanted."""
    return settings.GRAPHQL_STATUS == "draft"


def status_of_bad_request(refused: BadRequest) -> int:
    """The status of a request that is no GraphQL request."""
    return 422 if is_draft() and refused.unprocessable else refused.status


def status_of_refusal(errors: Sequence[GraphQLError], media_type: str, *, is_upload: bool) -> int:
    """The status of a document of which nothing was executed; `is_upload`: it came, or should have come, with files."""
    codes = {(error.extensions or {}).get("code", Code.VALIDATION_FAILED) for error in errors}
    if Code.UNAUTHENTICATED in codes:
        return 401
    if is_draft():
        return 400 if codes & _NOT_READ else 422
    return 400 if media_type == GRAPHQL_JSON or is_upload else 200


def status_of_result(has_errors: bool, media_type: str) -> int:
    """The status of what was executed."""
    return PARTIAL_SUCCESS if has_errors and is_draft() and media_type == GRAPHQL_JSON else 200


def media_type_of(status: int, media_type: str) -> str:
    """The media type of an answer: in the draft, clients that know only application/json get it with 2xx alone."""
    return GRAPHQL_JSON if status >= 400 and is_draft() else media_type
