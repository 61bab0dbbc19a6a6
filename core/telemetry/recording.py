"""Records what a request or task does: its operation, its queries, and the SQL of a slow one (without values)."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import structlog
from django.conf import settings
from django.db import connection

logger = structlog.get_logger("vitrine.slow")
# How many statements of an operation are remembered, and how many characters of each are logged.
MAX_STATEMENTS, MAX_SQL_LENGTH = 1_000, 2_000
# How many statements of a slow operation are logged: those that took the most time in total.
MAX_LOGGED_STATEMENTS = 10


@dataclass
class Recording:
    """What the current operation has done so far. `facts` go to its log line."""

    started: float = field(default_factory=perf_counter)
    queries: int = 0
    sql_seconds: float = 0.0
    statements: dict[str, list[float]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def execute(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Times a statement; to be used as Django's execute wrapper. Parameters are passed on and never recorded."""
        started = perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            took = perf_counter() - started
            self.queries += 1
            self.sql_seconds += took
            text = sql if isinstance(sql, str) else str(sql)
            if text in self.statements or len(self.statements) < MAX_STATEMENTS:
                self.statements.setdefault(text, []).append(took)

    # See core.db.mysql.base.
    execute.needs_no_cursor = True  # type: ignore[attr-defined]

    def seconds(self) -> float:
        return perf_counter() - self.started

    def costs(self) -> dict[str, Any]:
        """Duration and queries, as log lines have them."""
        return {
            "duration_ms": round(self.seconds() * 1000, 1),
            "queries": self.queries,
            "sql_ms": round(self.sql_seconds * 1000, 1),
        }

    def log_if_slow(self) -> None:
        """Logs an operation whose SQL took SLOW_OPERATION_MS or more, with the statements that took longest.

        Time spent elsewhere does not count, because a sign-in's Argon2 is slow on purpose.
        """
        if not self.queries or self.sql_seconds * 1000 < settings.SLOW_OPERATION_MS:
            return
        slowest = sorted(self.statements.items(), key=lambda item: -sum(item[1]))[:MAX_LOGGED_STATEMENTS]
        sql = [{"sql": s[:MAX_SQL_LENGTH], "times": len(took), "ms": round(sum(took) * 1000, 1)} for s, took in slowest]
        logger.warning("slow operation", **self.facts, **self.costs(), statements=sql)


_current: ContextVar[Recording | None] = ContextVar("recording", default=None)


@contextmanager
def recorded() -> Iterator[Recording]:
    """Records what this thread does within the block."""
    recording = Recording()
    token = _current.set(recording)
    # As `execute_wrapper` does, which is one more generator.
    wrappers = connection.execute_wrappers
    wrappers.append(recording.execute)
    try:
        yield recording
    finally:
        wrappers.pop()
        _current.reset(token)


def note(**facts: Any) -> None:
    """Adds facts to the log line of the current request or task, such as `note(operation="Search")`."""
    recording = _current.get()
    if recording is not None:
        recording.facts.update(facts)
