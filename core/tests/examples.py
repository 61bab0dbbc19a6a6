"""How many examples a property-based test draws: a quarter in `make test`, all of them where THOROUGH is set."""

import os

IS_THOROUGH = os.environ.get("THOROUGH", "") not in {"", "0"}
FRACTION = 4


def examples(number: int) -> int:
    """The number of examples for this run."""
    return number if IS_THOROUGH else max(1, number // FRACTION)
