"""Errors that services raise for wrong input; each API turns them into its own form."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """The kind of a mistake: GraphQL's enum `ErrorCode`, REST's `code` in lower case."""

    INVALID = "INVALID"
    REQUIRED = "REQUIRED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FORBIDDEN = "FORBIDDEN"
    INSUFFICIENT_STOCK = "INSUFFICIENT_STOCK"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    UNSUPPORTED_IMAGE = "UNSUPPORTED_IMAGE"
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE"
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    INVALID_TOKEN = "INVALID_TOKEN"  # noqa: S105
    THROTTLED = "THROTTLED"


@dataclass(frozen=True)
class FieldError:
    """One mistake: where it is (a path as in GraphQL, such as ("filter", "price", "min")), what, and its code.

    Three codes come with a number, so that a client need not read it out of the message.
    """

    path: tuple[str, ...]
    message: str
    code: ErrorCode = ErrorCode.INVALID
    # INSUFFICIENT_STOCK: the units that there are.
    available: int | None = None
    # LIMIT_EXCEEDED: how many are allowed.
    allowed: int | None = None
    # THROTTLED: seconds to wait.
    retry_after: int | None = None


class InvalidInput(Exception):
    """At least one mistake of the caller. Nothing was changed."""

    def __init__(self, field_errors: Iterable[FieldError]) -> None:
        self.field_errors = tuple(field_errors)
        super().__init__("; ".join(field_error.message for field_error in self.field_errors))

    @classmethod
    def at(
        cls, *path: str, message: str, code: ErrorCode = ErrorCode.INVALID, allowed: int | None = None
    ) -> "InvalidInput":
        """One mistake in one field."""
        return cls([FieldError(path, message, code, allowed=allowed)])


class LimitExceeded(InvalidInput):
    """An answer would have more of something than is allowed."""

    def __init__(self, limit: str, allowed: int) -> None:
        self.limit, self.allowed = limit, allowed
        message = f"The limit of {limit} in one answer is {allowed}; this one would have more."
        super().__init__([FieldError((), message, ErrorCode.LIMIT_EXCEEDED, allowed=allowed)])


class Throttled(InvalidInput):
    """Too many attempts; nothing was done. The next one has a chance after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        message = f"Too many attempts. Try again in {retry_after} seconds."
        super().__init__([FieldError((), message, ErrorCode.THROTTLED, retry_after=retry_after)])


def forget_stack(error: BaseException | None) -> None:
    """Removes the tracebacks of an error, of its parts and of the errors that led to it.

    Their frames hold everything that the request held, passwords too. An error that a variable of one of its own frames
    refers to is in a reference cycle with all of them, and would stay until the garbage collector runs.
    """
    seen: set[int] = set()
    pending = [error]
    while pending:
        error = pending.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            error.__traceback__ = None
            pending += [error.__cause__, error.__context__, getattr(error, "original_error", None)]
            # Django's ValidationError.
            pending += getattr(error, "error_list", ())
