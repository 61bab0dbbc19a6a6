"""How much a test with many examples tries: a tenth in `make test`, all of them where THOROUGH is set."""

import os
from collections.abc import Iterable
from typing import TypeVar

IS_THOROUGH = os.environ.get("THOROUGH", "") not in {"", "0"}
FRACTION = 10
T = TypeVar("T")


def sample(items: Iterable[T], phase: int = 0) -> list[T]:
    """The items to try in this run: all of them, or every tenth."""
    return list(items) if IS_THOROUGH else list(items)[phase % FRACTION :: FRACTION]


def examples(number: int) -> int:
    """The number of examples for this run."""
    return number if IS_THOROUGH else max(1, number // FRACTION)
