"""What a service raises when the caller's input is at fault; each door turns it into its own form."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """What kind of mistake it is: the contract's `ErrorCode`."""

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
    """One mistake: where (a path as in GraphQL, such as ("filter", "price", "min")), what, and its code."""

    path: tuple[str, ...]
    message: str
    code: ErrorCode = ErrorCode.INVALID


class InvalidInput(Exception):
    """The caller's mistakes, at least one; nothing was changed."""

    def __init__(self, field_errors: Iterable[FieldError]) -> None:
        self.field_errors = tuple(field_errors)
        super().__init__("; ".join(field_error.message for field_error in self.field_errors))

    @classmethod
    def at(cls, *path: str, message: str, code: ErrorCode = ErrorCode.INVALID) -> "InvalidInput":
        """One mistake at one place."""
        return cls([FieldError(path, message, code)])


class Throttled(InvalidInput):
    """Too many tries; nothing was done. `retry_after`: seconds until the next one is looked at."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        message = f"Too many attempts. Try again in {retry_after} seconds."
        super().__init__([FieldError((), message, ErrorCode.THROTTLED)])


def forget_stack(error: BaseException | None) -> None:
    """Takes the traceback from an error, its parts and those that led to it: the frames hold what a request held.

    An error that one of its own frames names is in a cycle with all of them, and waits for the garbage collector.
    """
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        error = waiting.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            error.__traceback__ = None
            waiting += [error.__cause__, error.__context__, getattr(error, "original_error", None)]
            # Django's ValidationError.
            waiting += getattr(error, "error_list", ())
