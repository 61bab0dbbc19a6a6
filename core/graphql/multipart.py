"""Reads GraphQL requests with files (GraphQL multipart request specification, 2.0.0-alpha.2).

`operations` is the usual JSON with null in place of each file. `map` says which form field belongs where. A form on
another site can be sent without a preflight, so the request needs one of four headers that a form cannot set.
"""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from graphene_file_upload.scalars import Upload as LooseUpload
from graphql import GraphQLError, ValueNode

from core.http.uploads import oversized

MULTIPART = "multipart/form-data"
# A request with one of these had a preflight, or comes from the same site.
PREFLIGHT = ("Authorization", "Apollo-Require-Preflight", "GraphQL-Require-Preflight", "X-Requested-With")
MAX_FILES = 20
MAX_PATH_LENGTH = 200
NOT_A_FILE = "This must be a file: send it as multipart/form-data, by the GraphQL multipart request specification."


class BadMultipart(Exception):
    """The request does not follow the specification. `status` is the HTTP status to answer with."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


class TooLarge:
    """Takes the place of a file that was larger than the limit."""

    def __repr__(self) -> str:
        return "a file that is too large"


class Upload(LooseUpload):
    """A file, sent by the GraphQL multipart request specification."""

    specified_by_url = "https://github.com/jaydenseric/graphql-multipart-request-spec"

    @staticmethod
    def parse_value(value: Any) -> UploadedFile | TooLarge:
        if isinstance(value, UploadedFile | TooLarge):
            return value
        raise GraphQLError(NOT_A_FILE)

    @staticmethod
    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
        raise GraphQLError(NOT_A_FILE)


def check_preflight(request: HttpRequest) -> None:
    """Raises BadMultipart when the request may come from a form on any site."""
    if not any(request.headers.get(name) for name in PREFLIGHT):
        raise BadMultipart(f"A multipart request needs one of the headers {', '.join(PREFLIGHT)}.")


def read_form(request: HttpRequest) -> tuple[str, str, dict[str, UploadedFile | TooLarge]]:
    """The fields `operations` and `map`, and the files. Raises BadMultipart."""
    try:
        fields, files = request.POST, request.FILES
    except RequestDataTooBig:
        raise BadMultipart("The body is too large.", 413) from None
    except (MultiPartParserError, SuspiciousOperation, OSError) as error:
        raise BadMultipart(f"The body is not multipart/form-data (RFC 7578): {error}") from None
    for name in ("operations", "map"):
        if len(fields.getlist(name)) != 1:
            raise BadMultipart(f"The form must have one field `{name}`.")
    file_by_field: dict[str, UploadedFile | TooLarge] = {}
    for name, values in files.lists():
        if len(values) != 1:
            raise BadMultipart(f"The file `{name[:50]}` was sent more than once.")
        file_by_field[name] = values[0]
    file_by_field.update((name, TooLarge()) for name in oversized(request))
    return fields["operations"], fields["map"], file_by_field


def put_files(operations: Any, places: Any, files: dict[str, UploadedFile | TooLarge]) -> None:
    """Puts each file into `operations` where `map` says. Raises BadMultipart."""
    if not isinstance(places, dict) or not all(
        isinstance(paths, list) and paths and all(isinstance(path, str) for path in paths) for paths in places.values()
    ):
        raise BadMultipart("`map` must be a JSON object: each file's field name with a list of paths.")
    if len(places) > MAX_FILES or sum(map(len, places.values())) > MAX_FILES:
        raise BadMultipart(f"At most {MAX_FILES} files are taken in one request.")
    if missing := places.keys() - files.keys():
        raise BadMultipart(f"`map` names files that were not sent: {_some(missing)}.")
    if extra := files.keys() - places.keys():
        raise BadMultipart(f"Files were sent that `map` does not name: {_some(extra)}.")
    for name, paths in places.items():
        for path in paths:
            _put(operations, path, files[name])


def concerns_files(request: HttpRequest, errors: Sequence[GraphQLError]) -> bool:
    """Whether a refused request was multipart or should have been. Its status is 400 in either media type."""
    return request.content_type == MULTIPART or any(NOT_A_FILE in error.message for error in errors)


def _put(operations: Any, path: str, file: UploadedFile | TooLarge) -> None:
    """Replaces the null at a path such as `variables.input.files.0`."""
    steps = path.split(".")
    if len(path) > MAX_PATH_LENGTH or steps[0] != "variables" or len(steps) < 2:
        raise BadMultipart(f"`map` has the path “{path[:50]}”; it must lead into `variables`.")
    at: Any = {"variables": operations.get("variables")} if isinstance(operations, dict) else None
    for step in steps[:-1]:
        at = at[_key(at, step, path)]
    key = _key(at, steps[-1], path)
    if at[key] is not None:
        raise BadMultipart(f"There must be null at “{path[:50]}” in `operations`.")
    at[key] = file


def _key(at: Any, step: str, path: str) -> Any:
    """The step as a key of the dict or list `at`. Raises BadMultipart."""
    if isinstance(at, dict) and step in at:
        return step
    if isinstance(at, list) and step.isascii() and step.isdigit() and len(step) < 6 and int(step) < len(at):
        return int(step)
    raise BadMultipart(f"`map` has the path “{path[:50]}”, which is not in `operations`.")


def _some(names: set[str]) -> str:
    return ", ".join(sorted(name[:50] for name in names)[:3])
