"""Fields (§6.4): what is known of them before they are executed, and how their errors are handled (§6.4.4)."""

from collections.abc import Callable, Mapping
from inspect import isawaitable
from typing import Any, NamedTuple, Protocol

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    TypeNameMetaFieldDef,
    default_field_resolver,
    is_non_null_type,
    located_error,
)
from graphql.execution.values import get_argument_values

from core.execution.arguments import are_immutable, constant_arguments
from core.execution.paths import RawPath, as_list
from core.execution.places import Places
from core.execution.run import Info, Run


class Operation(NamedTuple):
    """An operation and what it refers to."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDefinitionNode]
    node: OperationDefinitionNode
    # Types of values of which none is null, an exception or awaitable.
    ordinary_types: set[type]
    places: Places


# function(run, source, path of the source)
Function = Callable[[Run, Any, RawPath | None], dict[str, Any]]


class Below(Protocol):
    """What is selected of values of one type (core.execution.selected.Fields)."""

    # Generated code, and the Python type of values that it is for.
    function: Function | None
    source_type: type | None

    def execute(self, run: Run, source: Any, path: RawPath | None) -> dict[str, Any]: ...


class Field:
    """A response key on one type: the field's definition and all nodes that select it there."""

    __slots__ = (
        *("arguments", "definition", "is_nullable", "is_typename", "key", "name", "nodes", "operation", "parent_type"),
        *("reads_source", "resolve", "selection", "type", "wants_info"),
    )

    def __init__(
        self,
        operation: Operation,
        key: str,
        parent_type: GraphQLObjectType,
        definition: GraphQLField,
        nodes: list[FieldNode],
        selection: Mapping[GraphQLObjectType, Below],
    ) -> None:
        self.operation, self.key, self.parent_type = operation, key, parent_type
        self.definition, self.nodes = definition, nodes
        # What is selected below it, by the type of the value.
        self.selection = selection
        self.name, self.type = nodes[0].name.value, definition.type
        self.is_nullable = not is_non_null_type(self.type)
        self.is_typename = definition is TypeNameMetaFieldDef
        self.resolve: Callable[..., Any] = definition.resolve or default_field_resolver
        # None: they depend on variables.
        self.arguments = constant_arguments(definition, nodes[0])
        self.wants_info = _wants_info(self.type)
        # Whether the resolver needs nothing but its source.
        self.reads_source = not definition.args and not self.wants_info and getattr(self.resolve, "from_source", False)

    def info(self, run: Run, path: RawPath) -> GraphQLResolveInfo:
        """The info for the resolver."""
        schema, fragments, node, _, _ = self.operation
        name, nodes, kind, parent = self.name, self.nodes, self.type, self.parent_type
        root, variables, context = run.root, run.variables, run.context
        # NamedTuple's own way takes four times as long.
        return tuple.__new__(
            Info, (name, nodes, kind, parent, path, schema, fragments, root, node, variables, context, isawaitable)
        )

    def coerced_arguments(self, run: Run) -> dict[str, Any]:
        """CoerceArgumentValues() of §6.4.1. A list's items share what no resolver can change."""
        values = self.arguments if self.arguments is not None else run.arguments.get(self)
        if values is None:
            values = get_argument_values(self.definition, self.nodes[0], run.variables)
            if are_immutable(values):
                run.arguments[self] = values
        return values

    def handle(self, run: Run, error: Exception, path: RawPath, *, is_nullable: bool) -> None:
        """§6.4.4: what may be null becomes null and its error is collected; else its parent fails."""
        if not isinstance(error, GraphQLError):
            self.operation.places.show_in(error, self.nodes[0], self.parent_type.name)
        located = located_error(error, self.nodes, as_list(path))
        if not is_nullable:
            raise located
        run.errors.append(located)


def _wants_info(kind: GraphQLOutputType) -> bool:
    """Whether completing a value of this type calls something that gets the info."""
    while isinstance(kind, GraphQLNonNull | GraphQLList):
        kind = kind.of_type
    if isinstance(kind, GraphQLObjectType):
        return kind.is_type_of is not None
    return isinstance(kind, GraphQLInterfaceType | GraphQLUnionType)
