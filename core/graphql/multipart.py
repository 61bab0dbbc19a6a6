"""Files in GraphQL requests (GraphQL multipart request specification, 2.0.0-alpha.2).

`operations` is the usual JSON with null in the place of each file, `map` says which form field belongs where. A form
can be sent across sites without a preflight, so one of four headers that a form cannot set is asked for.
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
# One of them proves that a preflight was made, or that none was needed.
PREFLIGHT = ("Authorization", "Apollo-Require-Preflight", "GraphQL-Require-Preflight", "X-Requested-With")
MAX_FILES = 20
MAX_PATH = 200
NOT_A_FILE = "A file is wanted here: send it as multipart/form-data, by the GraphQL multipart request specification."


class NotMultipart(Exception):
    """The request does not follow the specification; the message says how, `status` is HTTP's."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


class TooLarge:
    """Stands where a file was larger than is taken in."""

    def __repr__(self) -> str:
        return "a file that is too large"


class Upload(LooseUpload):
    """A file, sent by the GraphQL multipart request specification."""

    @staticmethod
    def parse_value(value: Any) -> UploadedFile | TooLarge:
        """A variable's value. Raises GraphQLError for anything but a file."""
        if isinstance(value, UploadedFile | TooLarge):
            return value
        raise GraphQLError(NOT_A_FILE)

    @staticmethod
    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
        """Raises GraphQLError: a file cannot be written into a document."""
        raise GraphQLError(NOT_A_FILE)


def check_preflight(request: HttpRequest) -> None:
    """Raises NotMultipart when the request may come from a form on any site."""
    if not any(request.headers.get(name) for name in PREFLIGHT):
        raise NotMultipart(f"A multipart request needs one of the headers {', '.join(PREFLIGHT)}.")


def form(request: HttpRequest) -> tuple[str, str, dict[str, UploadedFile | TooLarge]]:
    """The fields `operations` and `map`, and the files. Raises NotMultipart."""
    try:
        fields, files = request.POST, request.FILES
    except RequestDataTooBig:
        raise NotMultipart("The body is too large.", 413) from None
    except (MultiPartParserError, SuspiciousOperation, OSError) as error:
        raise NotMultipart(f"The body is not multipart/form-data (RFC 7578): {error}") from None
    for name in ("operations", "map"):
        if len(fields.getlist(name)) != 1:
            raise NotMultipart(f"The form must have one field `{name}`.")
    found: dict[str, UploadedFile | TooLarge] = {}
    for name, values in files.lists():
        if len(values) != 1:
            raise NotMultipart(f"The file `{name[:50]}` was sent more than once.")
        found[name] = values[0]
    found.update((name, TooLarge()) for name in oversized(request))
    return fields["operations"], fields["map"], found


def put_files(operations: Any, places: Any, files: dict[str, UploadedFile | TooLarge]) -> None:
    """Puts each file where `map` says, in place. Raises NotMultipart."""
    if not isinstance(places, dict) or not all(
        isinstance(paths, list) and paths and all(isinstance(path, str) for path in paths) for paths in places.values()
    ):
        raise NotMultipart("`map` must be a JSON object: each file's field name with a list of paths.")
    if len(places) > MAX_FILES or sum(map(len, places.values())) > MAX_FILES:
        raise NotMultipart(f"At most {MAX_FILES} files are taken in one request.")
    if missing := places.keys() - files.keys():
        raise NotMultipart(f"`map` names files that were not sent: {_some(missing)}.")
    if extra := files.keys() - places.keys():
        raise NotMultipart(f"Files were sent that `map` does not name: {_some(extra)}.")
    for name, paths in places.items():
        for path in paths:
            _put(operations, path, files[name])


def is_at_fault(request: HttpRequest, errors: Sequence[GraphQLError]) -> bool:
    """Whether a refused document is a multipart request's, or should have been one: 400 in either media type."""
    return request.content_type == MULTIPART or any(NOT_A_FILE in error.message for error in errors)


def _put(operations: Any, path: str, file: UploadedFile | TooLarge) -> None:
    """Replaces the null at a path such as `variables.input.files.0`."""
    steps = path.split(".")
    if len(path) > MAX_PATH or steps[0] != "variables" or len(steps) < 2:
        raise NotMultipart(f"`map` has the path “{path[:50]}”; it must lead into `variables`.")
    at: Any = {"variables": operations.get("variables")} if isinstance(operations, dict) else None
    for step in steps[:-1]:
        at = at[_key(at, step, path)]
    key = _key(at, steps[-1], path)
    if at[key] is not None:
        raise NotMultipart(f"There must be null at “{path[:50]}” in `operations`.")
    at[key] = file


def _key(at: Any, step: str, path: str) -> Any:
    """The step as a key of what it leads into. Raises NotMultipart."""
    if isinstance(at, dict) and step in at:
        return step
    if isinstance(at, list) and step.isascii() and step.isdigit() and len(step) < 6 and int(step) < len(at):
        return int(step)
    raise NotMultipart(f"`map` has the path “{path[:50]}”, which is not in `operations`.")


def _some(names: set[str]) -> str:
    return ", ".join(sorted(name[:50] for name in names)[:3])
