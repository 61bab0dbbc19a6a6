"""What one request or task did: its operation, its queries, and the SQL of a slow one (never with its values)."""

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
# Statements remembered of one operation, and characters of each.
MOST, LONGEST = 1_000, 2_000
# Statements told of a slow operation: those that took longest together.
TOLD = 10


@dataclass
class Recording:
    """What is known of the operation at hand; `facts` go to its log line."""

    started: float = field(default_factory=perf_counter)
    queries: int = 0
    sql_seconds: float = 0.0
    statements: dict[str, list[float]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def execute(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Django's execute wrapper: times a statement. Its parameters are passed on and never looked at."""
        started = perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            took = perf_counter() - started
            self.queries += 1
            self.sql_seconds += took
            text = sql if isinstance(sql, str) else str(sql)
            if text in self.statements or len(self.statements) < MOST:
                self.statements.setdefault(text, []).append(took)

    def seconds(self) -> float:
        """Since the operation began."""
        return perf_counter() - self.started

    def costs(self) -> dict[str, Any]:
        """Duration and queries, as every line tells them."""
        return {
            "duration_ms": round(self.seconds() * 1000, 1),
            "queries": self.queries,
            "sql_ms": round(self.sql_seconds * 1000, 1),
        }

    def tell_if_slow(self) -> None:
        """Logs an operation whose SQL took SLOW_OPERATION_MS or more, with the statements that took longest.

        What else takes time (a sign-in's Argon2, on purpose) is no news to whoever watches the database.
        """
        if not self.queries or self.sql_seconds * 1000 < settings.SLOW_OPERATION_MS:
            return
        slowest = sorted(self.statements.items(), key=lambda item: -sum(item[1]))[:TOLD]
        sql = [{"sql": s[:LONGEST], "times": len(took), "ms": round(sum(took) * 1000, 1)} for s, took in slowest]
        logger.warning("slow operation", **self.facts, **self.costs(), statements=sql)


_current: ContextVar[Recording | None] = ContextVar("recording", default=None)


@contextmanager
def recorded() -> Iterator[Recording]:
    """Records what happens within, in this thread."""
    recording = Recording()
    token = _current.set(recording)
    try:
        with connection.execute_wrapper(recording.execute):
            yield recording
    finally:
        _current.reset(token)


def note(**facts: Any) -> None:
    """Adds facts to the log line of the request or task at hand, such as `note(operation="Search")`."""
    recording = _current.get()
    if recording is not None:
        recording.facts.update(facts)
