"""A pytest plugin that runs graphql-core's own tests with plans in the place of its executor. README.md says how.

Each operation is interpreted, or run as generated code with GENERATED=1. What plans do not serve (middleware, resolvers
given to `execute`, subclasses of ExecutionContext, coroutine functions, a running event loop) stays with graphql-core.
"""

import os
from typing import Any

from graphql import DocumentNode, ExecutionContext, OperationDefinitionNode, default_type_resolver
from graphql.execution.execute import default_field_resolver

from core.execution import Plans, Unplannable
from core.execution.plan import Plan
from core.execution.run import is_loop_running

_original = ExecutionContext.execute_operation
counts = {"plans": 0, "graphql-core": 0}


def _execute_operation(self: ExecutionContext, operation: OperationDefinitionNode, root_value: Any) -> Any:
    is_usual = (
        type(self) is ExecutionContext
        and self.middleware_manager is None
        and self.field_resolver is default_field_resolver
        and self.type_resolver is default_type_resolver
        and not is_loop_running()
    )
    try:
        if not is_usual:
            raise Unplannable
        plans = Plans(self.schema, DocumentNode(definitions=(operation, *self.fragments.values())), operation)
    except Unplannable:
        counts["graphql-core"] += 1
        return _original(self, operation, root_value)
    counts["plans"] += 1
    plan = Plan(plans.operation, self.variable_values)
    plan.is_repeated = bool(os.environ.get("GENERATED"))
    result = plan.run(root_value, self.context_value, self.variable_values)
    errors: Any = getattr(self, "collected_errors", self)
    errors.errors.extend(result.errors or [])
    return result.data


def pytest_configure() -> None:
    ExecutionContext.execute_operation = _execute_operation  # type: ignore[method-assign]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"operations: {counts}")
