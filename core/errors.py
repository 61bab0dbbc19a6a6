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
class Fault:
    """One mistake: where (a path as in GraphQL, such as ("filter", "price", "min")), what, and its code."""

    path: tuple[str, ...]
    message: str
    code: ErrorCode = ErrorCode.INVALID


class InvalidInput(Exception):
    """The caller's mistakes, at least one; nothing was changed."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.message for fault in self.faults))

    @classmethod
    def at(cls, *path: str, message: str, code: ErrorCode = ErrorCode.INVALID) -> "InvalidInput":
        """One mistake at one place."""
        return cls([Fault(path, message, code)])


class Throttled(InvalidInput):
    """Too many tries; nothing was done. `retry_after`: seconds until the next one is looked at."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        message = f"Too many attempts. Try again in {retry_after} seconds."
        super().__init__([Fault((), message, ErrorCode.THROTTLED)])
