"""Executes operations (§6.2) and selection sets (§6.3). Their fields and the order are worked out once."""

from collections.abc import Mapping
from inspect import iscoroutinefunction
from threading import Lock
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionContext,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    visit,
)
from graphql.execution.collect_fields import collect_fields, collect_sub_fields
from graphql.execution.execute import get_field_def
from graphql.language import Visitor
from graphql.pyutils import Undefined

from core.execution.fields import compile_field
from core.execution.run import Run
from core.execution.selected import Field, Fields, Operation

# How many combinations of the variables in @skip and @include one operation keeps plans for. Plans of further
# combinations are compiled for each request.
MAX_PLANS = 16


class Unplannable(Exception):
    """No plan can serve this operation (a coroutine function, a subscription): graphql-core's executor must."""


class Plan:
    """An operation, with the variables of its directives fixed, as functions to call.

    Selections on a type are compiled when a value of it is first completed. So a type that never occurs costs nothing,
    and errors of a selection are raised where graphql-core raises them.
    """

    def __init__(self, operation: Operation, variables: Mapping[str, Any]) -> None:
        self.operation = operation
        # Only the values of @skip's and @include's variables, because a plan outlives the request that it is made for.
        self.variables = dict(variables)
        # How many fields it has compiled so far. Its memory grows with them.
        self.size = 0
        self.root_fields: Fields | None = None

    def run(self, root: Any, context: Any, variables: dict[str, Any]) -> ExecutionResult:
        """Executes the operation (§6.2.1, §6.2.2). All fields are executed in series, as mutations must be."""
        run = Run(root, context, variables)
        data: dict[str, Any] | None
        try:
            fields = self.root_fields
            if fields is None:
                fields = self.root_fields = self._compile_root()
            data = {key: execute(run, root, None) for key, execute in fields}
        except GraphQLError as error:
            data = None
            run.errors.append(error)
        finally:
            run.close()
        return ExecutionContext.build_response(data, run.errors)

    def clear(self) -> None:
        """Forgets what was compiled. Functions and plan refer to each other, and would wait for the collector."""
        self.root_fields, self.size = None, 0

    def compile(self, parent_type: GraphQLObjectType, nodes_by_key: dict[str, list[FieldNode]]) -> Fields:
        """The collected fields (§6.3.2) by response key; fields that the type does not have are left out."""
        self.size += len(nodes_by_key)
        return [
            (key, compile_field(Field(self.operation, key, parent_type, definition, nodes, _Selection(self, nodes))))
            for key, nodes in nodes_by_key.items()
            if (definition := get_field_def(self.operation.schema, parent_type, nodes[0])) is not None
        ]

    def _compile_root(self) -> Fields:
        schema, fragments, node, _ = self.operation
        root_type = schema.get_root_type(node.operation)
        assert root_type is not None  # noqa: S101 - Plans has looked
        return self.compile(root_type, collect_fields(schema, fragments, self.variables, root_type, node.selection_set))


class _Selection(dict[GraphQLObjectType, Fields]):
    """The fields of some nodes' merged selections (§6.4.3, MergeSelectionSets()), compiled for each type on demand."""

    def __init__(self, plan: Plan, nodes: list[FieldNode]) -> None:
        super().__init__()
        self._plan, self._nodes = plan, nodes

    def __missing__(self, kind: GraphQLObjectType) -> Fields:
        schema, fragments, _, _ = self._plan.operation
        nodes_by_key = collect_sub_fields(schema, fragments, self._plan.variables, kind, self._nodes)
        fields = self[kind] = self._plan.compile(kind, nodes_by_key)
        return fields


class Plans:
    """The plans of one document's operation, one for each combination of its directives' variables."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, node: OperationDefinitionNode) -> None:
        """Raises Unplannable, before any resolver ran."""
        fragments = {n.name.value: n for n in document.definitions if isinstance(n, FragmentDefinitionNode)}
        self.operation = Operation(schema, fragments, node, set())
        names = _Names()
        visit(document, names)
        self.conditions = sorted(names.conditions)
        if node.operation is OperationType.SUBSCRIPTION or schema.get_root_type(node.operation) is None:
            raise Unplannable("There is no root type to execute synchronously.")
        for kind in schema.type_map.values():
            fields = getattr(kind, "fields", {})
            for name in names.fields & fields.keys():
                if iscoroutinefunction(getattr(fields[name], "resolve", None)):
                    raise Unplannable(f"{kind.name}.{name} is a coroutine.")
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._lock = Lock()

    def execute(self, root: Any, context: Any, variables: dict[str, Any]) -> ExecutionResult:
        """The result for coerced variables."""
        key = tuple(variables.get(name, Undefined) for name in self.conditions)
        plan = self._plans.get(key)
        if plan is not None:
            return plan.run(root, context, variables)
        plan = Plan(self.operation, {name: variables[name] for name in self.conditions if name in variables})
        with self._lock:
            is_kept = len(self._plans) < MAX_PLANS
            if is_kept:
                self._plans[key] = plan
        try:
            return plan.run(root, context, variables)
        finally:
            if not is_kept:
                plan.clear()

    @property
    def size(self) -> int:
        """How many fields its plans have compiled."""
        return sum(plan.size for plan in tuple(self._plans.values()))

    def clear(self) -> None:
        """Forgets all plans; runs that are under way end as they would."""
        with self._lock:
            plans, self._plans = self._plans, {}
        for plan in plans.values():
            plan.clear()


class _Names(Visitor):
    """The names of a document's fields, and of the variables that @skip and @include (§3.13) depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: set[str] = set()
        self.conditions: set[str] = set()

    def enter_field(self, node: FieldNode, *_args: Any) -> None:
        self.fields.add(node.name.value)

    def enter_directive(self, node: DirectiveNode, *_args: Any) -> None:
        if node.name.value in ("skip", "include"):
            self.conditions.update(a.value.name.value for a in node.arguments if isinstance(a.value, VariableNode))
