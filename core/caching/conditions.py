"""On what conditions the answer that is being computed may be given again, as the code that computes it states them.

Outside of `stating` the functions do nothing but what has to be done this time.
"""

import math
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

State = Callable[[], Hashable]
Action = Callable[[], None]


@dataclass(slots=True)
class Conditions:
    """What was stated while an answer was computed."""

    # False: it must not be given again, because it is not what would be computed when all works.
    may_be_kept: bool = True
    # Seconds since 1970 after which it is computed anew.
    valid_until: float = math.inf
    # What it was computed from, besides the database: how to look up the present state, and the state it was.
    states: dict[State, Hashable] = field(default_factory=dict)
    # What must be done whenever it is given again.
    actions: list[Action] = field(default_factory=list)


_current: ContextVar[Conditions | None] = ContextVar("conditions", default=None)


@contextmanager
def stating() -> Iterator[Conditions]:
    """Collects what is stated within the block."""
    conditions = Conditions()
    token = _current.set(conditions)
    try:
        yield conditions
    finally:
        _current.reset(token)


def forbid_keeping() -> None:
    """The answer must not be given again."""
    if (conditions := _current.get()) is not None:
        conditions.may_be_kept = False


def valid_until(moment: datetime) -> None:
    """The answer may be another one from this moment on."""
    if (conditions := _current.get()) is not None:
        conditions.valid_until = min(conditions.valid_until, moment.timestamp())


def depends_on(look_up: State, state: Hashable) -> None:
    """The answer comes from this state, and may be given again as long as `look_up` returns the same."""
    if (conditions := _current.get()) is not None and conditions.states.setdefault(look_up, state) != state:
        # It comes from two states, of which no one will be found again.
        conditions.may_be_kept = False


def each_time(action: Action) -> None:
    """Does the action now, and again whenever the answer is given again."""
    action()
    if (conditions := _current.get()) is not None:
        conditions.actions.append(action)
