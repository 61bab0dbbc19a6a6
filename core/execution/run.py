"""The state of one execution of a plan: its context, its errors so far, and the event loop for awaitables."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo
from graphql.pyutils import Path

from core.execution.paths import as_path


class Info(GraphQLResolveInfo):
    """The info that a resolver gets. Its path is converted when it is read."""

    __slots__ = ()

    @property
    def path(self) -> Path:
        return as_path(self[4])


class Run:
    """One execution. Call close() at its end."""

    __slots__ = ("_runner", "arguments", "context", "errors", "is_repeated", "root", "variables")

    def __init__(self, root: Any, context: Any, variables: dict[str, Any], *, is_repeated: bool) -> None:
        self.root, self.context, self.variables = root, context, variables
        # Whether its plan was run before, so that it pays to generate code.
        self.is_repeated = is_repeated
        self.errors: list[GraphQLError] = []
        # Coerced arguments by their field (core.execution.fields).
        self.arguments: dict[Any, dict[str, Any]] = {}
        self._runner: asyncio.Runner | None = None

    def awaited(self, awaitable: Awaitable[Any]) -> Any:
        """The result of an awaitable. The awaitables of a run share one event loop and are awaited one by one.

        Raises RuntimeError when an event loop runs in this thread already, because it would wait for itself.
        """
        if is_loop_running():
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
            raise RuntimeError("Plans cannot wait for awaitables where an event loop is running.")

        async def result() -> Any:
            return await awaitable

        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(result())

    def close(self) -> None:
        """Ends the event loop, if there is one, and its remaining tasks."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None


def is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
