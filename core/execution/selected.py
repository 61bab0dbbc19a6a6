"""Selection sets (§6.3): their fields, by the type of the value, and how they are executed."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from graphql import FieldNode, GraphQLObjectType
from graphql.execution.collect_fields import collect_sub_fields
from graphql.execution.execute import get_field_def

from core.execution.completion import execute_field
from core.execution.fields import Field, Function, Operation
from core.execution.generated import generate
from core.execution.paths import RawPath
from core.execution.run import Run

# In the first run of a plan, a selection is compiled when so many values of its type have come: compiling costs as much
# as interpreting it this often.
MAX_INTERPRETED = 40
# Python types of the values for which the fields of one type are compiled. Values of other types are interpreted.
MAX_SOURCE_TYPES = 4
# Fields of a plan that are compiled, each type of values counted: bounds the time and the memory that a document takes.
MAX_GENERATED = 500


class Planned:
    """What the selections of a plan share."""

    def __init__(self, operation: Operation, variables: Mapping[str, Any]) -> None:
        self.operation = operation
        # Only the values of @skip's and @include's variables, because a plan outlives the request that it is made for.
        self.variables = dict(variables)
        # How many fields there are, and for how many there is generated code. Their memory grows with them.
        self.size = self.generated = 0
        self.lock = Lock()


class Fields:
    """The fields that are selected on one type (§6.3.2). They are interpreted, or run as generated code."""

    __slots__ = ("_count", "_functions", "_plan", "fields", "function", "kind", "source_type")

    def __init__(self, plan: Planned, kind: GraphQLObjectType, nodes_by_key: dict[str, list[FieldNode]]) -> None:
        """Leaves out fields that the type does not have."""
        self._plan, self.kind = plan, kind
        self.fields = [
            Field(plan.operation, key, kind, definition, nodes, Selection(plan, nodes))
            for key, nodes in nodes_by_key.items()
            if (definition := get_field_def(plan.operation.schema, kind, nodes[0])) is not None
        ]
        plan.size += len(self.fields)
        self._count = 0
        self._functions: dict[type, Function] = {}
        # The first of its functions and the type of its sources: generated code calls it without a further look.
        self.source_type: type | None = None
        self.function: Function | None = None

    def execute(self, run: Run, source: Any, path: RawPath | None) -> dict[str, Any]:
        """ExecuteSelectionSet() of §6.3 for a value of the type."""
        function = self._functions.get(type(source))
        if function is None and (run.is_repeated or self._count >= MAX_INTERPRETED):
            function = self._compile(source, is_root=path is None)
        if function is not None:
            return function(run, source, path)
        self._count += 1
        return {field.key: execute_field(field, run, source, path) for field in self.fields}

    def _compile(self, source: Any, *, is_root: bool) -> Function | None:
        plan, kind = self._plan, type(source)
        if (
            not (is_root or kind in plan.operation.ordinary_types)
            or len(self._functions) >= MAX_SOURCE_TYPES
            or plan.generated + len(self.fields) > MAX_GENERATED
        ):
            return None
        with plan.lock:
            if kind not in self._functions:
                try:
                    function = generate(self.kind.name, self.fields, source)
                except RecursionError:
                    return None  # too deep in the stack for Python's compiler, not for interpreting
                self._functions[kind] = function
                plan.generated += len(self.fields)
                if self.function is None:
                    self.function, self.source_type = function, kind
            return self._functions[kind]


class Selection(dict[GraphQLObjectType, Fields]):
    """The fields of some nodes' merged selections (§6.4.3, MergeSelectionSets()), worked out for each type on demand.

    So a type that never occurs costs nothing, and errors of a selection are raised where graphql-core raises them.
    """

    __slots__ = ("_nodes", "_plan")

    def __init__(self, plan: Planned, nodes: list[FieldNode]) -> None:
        super().__init__()
        self._plan, self._nodes = plan, nodes

    def __missing__(self, kind: GraphQLObjectType) -> Fields:
        plan = self._plan
        schema, fragments = plan.operation.schema, plan.operation.fragments
        fields = Fields(plan, kind, collect_sub_fields(schema, fragments, plan.variables, kind, self._nodes))
        self[kind] = fields
        return fields
