"""Executes operations (§6.2). What is selected on which type is worked out once, and kept."""

from collections.abc import Mapping
from inspect import iscoroutinefunction
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from graphql import (
    DocumentNode,
    ExecutionContext,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
)
from graphql.execution.collect_fields import collect_fields
from graphql.pyutils import Undefined

from core.execution.fields import Operation
from core.execution.places import Places
from core.execution.run import Run
from core.execution.selected import Fields, Planned

# How many combinations of the variables in @skip and @include one operation keeps plans for. Plans of further
# combinations are made for each request.
MAX_PLANS = 16


class Unplannable(Exception):
    """No plan can serve this operation (a coroutine function, a subscription): graphql-core's executor must."""


class Plan(Planned):
    """An operation, with the variables of its directives fixed.

    Its first run interprets it. Later ones run the code that is generated for the types of values that came.
    """

    def __init__(self, operation: Operation, variables: Mapping[str, Any]) -> None:
        super().__init__(operation, variables)
        self.is_repeated = False
        self._root: Fields | None = None

    def run(self, root: Any, context: Any, variables: dict[str, Any]) -> ExecutionResult:
        """Executes the operation (§6.2.1, §6.2.2). All fields are executed in series, as mutations must be."""
        run = Run(root, context, variables, is_repeated=self.is_repeated)
        data: dict[str, Any] | None
        try:
            fields = self._root
            if fields is None:
                fields = self._root = self._root_fields()
            data = fields.execute(run, root, None)
        except GraphQLError as error:
            data = None
            run.errors.append(error)
        finally:
            self.is_repeated = True
            run.close()
        return ExecutionContext.build_response(data, run.errors)

    def clear(self) -> None:
        """Forgets its fields. They and the plan refer to each other, and would wait for the collector."""
        self._root, self.size, self.generated = None, 0, 0

    def _root_fields(self) -> Fields:
        schema, fragments, node, *_ = self.operation
        root_type = schema.get_root_type(node.operation)
        assert root_type is not None  # noqa: S101 - Plans has looked
        nodes = collect_fields(schema, fragments, self.variables, root_type, node.selection_set)
        return Fields(self, root_type, nodes)


class Plans:
    """The plans of one document's operation, one for each combination of its directives' variables."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, node: OperationDefinitionNode) -> None:
        """Raises Unplannable, before any resolver ran."""
        fragments = {n.name.value: n for n in document.definitions if isinstance(n, FragmentDefinitionNode)}
        self.operation = Operation(schema, fragments, node, set(), Places(node))
        fields, self.conditions = _fields_and_conditions([node, *fragments.values()])
        if node.operation is OperationType.SUBSCRIPTION or schema.get_root_type(node.operation) is None:
            raise Unplannable("There is no root type to execute synchronously.")
        coroutines = _names_of_coroutines(schema)
        if name := next(iter(coroutines & fields), None):
            raise Unplannable(f"A field of the name {name} is a coroutine.")
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._lock = Lock()

    def execute(self, root: Any, context: Any, variables: dict[str, Any]) -> ExecutionResult:
        """The result for coerced variables."""
        key = tuple([variables.get(name, Undefined) for name in self.conditions])
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
        """How many fields its plans have; one with generated code counts once more."""
        return sum(plan.size + plan.generated for plan in tuple(self._plans.values()))

    def clear(self) -> None:
        """Forgets all plans; runs that are under way end as they would."""
        with self._lock:
            plans, self._plans = self._plans, {}
        for plan in plans.values():
            plan.clear()
        self.operation.places.hide()


def _fields_and_conditions(definitions: list[Any]) -> tuple[set[str], list[str]]:
    """The names of the definitions' fields, and of the variables that @skip and @include (§3.13) depend on."""
    fields: set[str] = set()
    conditions: set[str] = set()
    waiting = definitions
    while waiting:
        node = waiting.pop()
        if isinstance(node, FieldNode):
            fields.add(node.name.value)
        for directive in node.directives:
            if directive.name.value in ("skip", "include"):
                values = [argument.value for argument in directive.arguments]
                conditions.update(value.name.value for value in values if isinstance(value, VariableNode))
        selections = getattr(node, "selection_set", None)
        if selections is not None:
            waiting.extend(selections.selections)
    return fields, sorted(conditions)


_coroutines: WeakKeyDictionary[GraphQLSchema, frozenset[str]] = WeakKeyDictionary()


def _names_of_coroutines(schema: GraphQLSchema) -> frozenset[str]:
    """The names of the schema's fields that a coroutine function resolves."""
    names = _coroutines.get(schema)
    if names is None:
        fields = [field for kind in schema.type_map.values() for field in getattr(kind, "fields", {}).items()]
        names = frozenset(name for name, field in fields if iscoroutinefunction(getattr(field, "resolve", None)))
        _coroutines[schema] = names
    return names
