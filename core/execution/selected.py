"""The parts of a selected field that are known before it is executed."""

from collections.abc import Callable, Mapping
from inspect import isawaitable
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    is_non_null_type,
    located_error,
)

from core.execution.paths import RawPath, as_list
from core.execution.run import Info, Run

# execute(run, source, path of the source)
ExecuteField = Callable[[Run, Any, RawPath | None], Any]
# The fields of a selection on one type, by response key.
Fields = list[tuple[str, ExecuteField]]


class Operation(NamedTuple):
    """An operation and what it refers to."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDefinitionNode]
    node: OperationDefinitionNode
    # Types of values of which none is null, an exception or awaitable.
    ordinary_types: set[type]


class Field:
    """A response key on one type: the field's definition and all nodes that select it there."""

    def __init__(
        self,
        operation: Operation,
        key: str,
        parent_type: GraphQLObjectType,
        definition: GraphQLField,
        nodes: list[FieldNode],
        selection: Mapping[GraphQLObjectType, Fields],
    ) -> None:
        self.operation, self.key, self.parent_type = operation, key, parent_type
        self.definition, self.nodes = definition, nodes
        # What is selected below it, by the type of the value.
        self.selection = selection
        self.name = nodes[0].name.value
        self.is_nullable = not is_non_null_type(definition.type)
        self._known = (self.name, nodes, definition.type, parent_type)

    def info(self, run: Run, path: RawPath) -> GraphQLResolveInfo:
        """The info for the resolver."""
        schema, fragments, node, _ = self.operation
        return Info(*self._known, path, schema, fragments, run.root, node, run.variables, run.context, isawaitable)  # type: ignore[arg-type]

    def fail(self, run: Run, error: Exception, path: RawPath) -> None:
        """§6.4.4: a field that may be null becomes null and its error is collected; else its parent fails."""
        located = located_error(error, self.nodes, as_list(path))
        if not self.is_nullable:
            raise located
        run.errors.append(located)
