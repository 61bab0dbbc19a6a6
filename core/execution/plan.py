"""Executing operations (§6.2) and selection sets (§6.3): which fields, in which order, worked out once."""

from collections.abc import Callable
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

from core.execution.fields import ExecuteField, compile_field

# How many combinations of the variables in @skip and @include one operation keeps plans for.
MAX_PLANS = 16
# The fields of a selection on a type, by response key.
Fields = list[tuple[str, ExecuteField]]


class Unplannable(Exception):
    """A plan cannot serve this operation (a coroutine, a subscription): graphql-core's executor must."""


class Run:
    """One execution: what resolvers may ask about, and the errors so far."""

    __slots__ = ("context", "errors", "root", "variables")

    def __init__(self, root: Any, context: Any, variables: dict[str, Any]) -> None:
        self.root, self.context, self.variables = root, context, variables
        self.errors: list[GraphQLError] = []


class Plan:
    """An operation, with the variables of its directives fixed, as closures.

    Selections on a type are compiled when a value of it is first completed: a type that never occurs costs nothing, and
    what is wrong with a selection is found where graphql-core finds it.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: dict[str, FragmentDefinitionNode],
        operation: OperationDefinitionNode,
        variables: dict[str, Any],
    ) -> None:
        self.schema, self.fragments, self.operation = schema, fragments, operation
        # The values of @skip's and @include's variables, and no other: a plan outlives the request that it is made for.
        self.variables = variables
        # How many fields it has compiled so far: what it holds grows with them.
        self.size = 0
        self.root_type: GraphQLObjectType = schema.get_root_type(operation.operation)  # type: ignore[assignment]
        self.root_fields: Fields | None = None

    def run(self, root: Any, context: Any, variables: dict[str, Any]) -> ExecutionResult:
        """Executes the operation (§6.2.1, §6.2.2); the fields of a mutation in series, as all fields here are."""
        run = Run(root, context, variables)
        data: dict[str, Any] | None
        try:
            fields = self.root_fields
            if fields is None:
                selected = self.operation.selection_set
                found = collect_fields(self.schema, self.fragments, self.variables, self.root_type, selected)
                fields = self.root_fields = self.compiled(self.root_type, found)
            data = {key: execute(run, root, None) for key, execute in fields}
        except GraphQLError as error:
            data = None
            run.errors.append(error)
        return ExecutionContext.build_response(data, run.errors)

    def clear(self) -> None:
        """Forgets what was compiled: closures and plan refer to each other, and would wait for the collector."""
        self.root_fields, self.size = None, 0

    def compiled(self, parent_type: GraphQLObjectType, found: dict[str, list[FieldNode]]) -> Fields:
        """The collected fields (§6.3.2) as closures by response key; fields the type does not have are left out."""
        self.size += len(found)
        return [
            (key, compile_field(self, key, parent_type, definition, nodes))
            for key, nodes in found.items()
            if (definition := get_field_def(self.schema, parent_type, nodes[0])) is not None
        ]

    def selection(self, nodes: list[FieldNode]) -> Callable[[GraphQLObjectType], Fields]:
        """The fields of the nodes' merged selections (§6.4.3, MergeSelectionSets()) on an object type."""
        by_type: dict[str, Fields] = {}

        def fields_on(kind: GraphQLObjectType) -> Fields:
            fields = by_type.get(kind.name)
            if fields is None:
                found = collect_sub_fields(self.schema, self.fragments, self.variables, kind, nodes)
                fields = by_type[kind.name] = self.compiled(kind, found)
            return fields

        return fields_on


class Plans:
    """The plans of one document's operation, one for each combination of its directives' variables."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        """Raises Unplannable, before any resolver ran."""
        self.schema, self.operation = schema, operation
        self.fragments = {n.name.value: n for n in document.definitions if isinstance(n, FragmentDefinitionNode)}
        found = _Found()
        visit(document, found)
        self.conditions = sorted(found.conditions)
        if operation.operation is OperationType.SUBSCRIPTION or schema.get_root_type(operation.operation) is None:
            raise Unplannable("There is no root type to execute synchronously.")
        for kind in schema.type_map.values():
            fields = getattr(kind, "fields", {})
            for name in found.fields & fields.keys():
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
        conditions = {name: variables[name] for name in self.conditions if name in variables}
        plan = Plan(self.schema, self.fragments, self.operation, conditions)
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
        """Forgets all plans; those under way end as they would."""
        with self._lock:
            plans, self._plans = self._plans, {}
        for plan in plans.values():
            plan.clear()


class _Found(Visitor):
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
