"""What a document may ask for, known before any resolver runs: its shape, and what it costs.

Shape is measured on the parsed document alone, so that validation never sees a monstrous one. Cost needs the schema:
an object costs 1, a leaf nothing, page sizes multiply what lies within, `COSTS` in core.schema says what costs more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)

from core.graphql.errors import Code, api_error

# Introspection nests deeper than any shop's page (GraphiQL's reaches 15) and reads no row.
INTROSPECTION_DEPTH = 20
# What a list without a page size counts as, a page without one, and the most that a page has.
LIST, PAGE, MAX_PAGE = 10, 20, 100
MUTATION = 10
# Directives at one place: there are two that do something there, and neither may be repeated.
MAX_DIRECTIVES_AT_ONE_PLACE = 5


def exceeded(what: str, found: int | None, allowed: int) -> GraphQLError:
    """The error of a limit, with the number allowed."""
    has = "more" if found is None else str(found)
    message = f"The limit of {what} is {allowed}; this document has {has}."
    return api_error(Code.LIMIT_EXCEEDED, message, limit=what, allowed=allowed)


@dataclass(frozen=True)
class Shape:
    """How large a selection is, fragments written out."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    introspection_depth: int = 0


def check_shape(document: DocumentNode) -> None:
    """Raises LIMIT_EXCEEDED for a document or an operation that is too deep or has too much of something.

    Fragments count as often as they are spread, but for `selections`: those validation compares with one another.
    """
    definitions = len(document.definitions)
    if definitions > settings.GRAPHQL_MAX_DEFINITIONS:
        raise exceeded("definitions", definitions, settings.GRAPHQL_MAX_DEFINITIONS)
    selections_seen = directives_at_one_place = 0
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    measured: dict[str, Shape | None] = {}

    def of_fragment(name: str) -> Shape:
        if name not in measured:
            measured[name] = None  # a cycle comes back here; validation names it later
            fragment = fragments.get(name)
            measured[name] = of(fragment.selection_set) if fragment else Shape()
        return measured[name] or Shape()

    def of(selections: SelectionSetNode) -> Shape:
        nonlocal selections_seen, directives_at_one_place
        selections_seen += len(selections.selections)
        depth = aliases = directives = introspection = 0
        for node in selections.selections:
            directives += len(node.directives)
            directives_at_one_place = max(directives_at_one_place, len(node.directives))
            if isinstance(node, FieldNode):
                below = of(node.selection_set) if node.selection_set else Shape()
                aliases += node.alias is not None
                if node.name.value in ("__schema", "__type"):
                    introspection = max(introspection, 1 + below.depth)
                    below = Shape(0, below.aliases, below.directives)
                else:
                    depth = max(depth, 1 + below.depth)
            else:
                spread = isinstance(node, FragmentSpreadNode)
                below = of_fragment(node.name.value) if spread else of(node.selection_set)  # type: ignore[attr-defined]
                depth = max(depth, below.depth)
            aliases += below.aliases
            directives += below.directives
            introspection = max(introspection, below.introspection_depth)
        return Shape(depth, aliases, directives, introspection)

    for operation in document.definitions:
        if not isinstance(operation, OperationDefinitionNode):
            continue
        shape = of(operation.selection_set)
        for what, found, allowed in (
            ("root fields", len(operation.selection_set.selections), settings.GRAPHQL_MAX_ROOT_FIELDS),
            ("depth", shape.depth, settings.GRAPHQL_MAX_DEPTH),
            ("introspection depth", shape.introspection_depth, INTROSPECTION_DEPTH),
            ("aliases", shape.aliases, settings.GRAPHQL_MAX_ALIASES),
            ("selections", selections_seen, settings.GRAPHQL_MAX_SELECTIONS),
            ("variables", len(operation.variable_definitions), settings.GRAPHQL_MAX_DEFINITIONS),
            ("directives", shape.directives + len(operation.directives), settings.GRAPHQL_MAX_DIRECTIVES),
            ("directives at one place", directives_at_one_place, MAX_DIRECTIVES_AT_ONE_PLACE),
        ):
            if found > allowed:
                raise exceeded(what, found, allowed)


@dataclass(frozen=True)
class Cost:
    """What a field costs: `own`, and `size` times what lies within; `size` may be a variable's name."""

    own: int
    size: int | str
    within: tuple["Cost", ...]

    def total(self, variables: Mapping[str, Any], known: dict[int, int]) -> int:
        """The cost with these variables; `known` keeps parts that are shared (fragments) from being counted anew."""
        key = id(self)
        if key not in known:
            size = self.size
            if isinstance(size, str):
                given = variables.get(size)
                size = given if isinstance(given, int) else PAGE
            within = sum(part.total(variables, known) for part in self.within)
            known[key] = self.own + min(max(size, 1), MAX_PAGE) * within
        return known[key]


def cost_of(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, costs: Mapping[str, int]
) -> Cost:
    """The cost of a validated operation; `costs` says what single fields cost ("Type.field")."""
    root = schema.get_root_type(operation.operation)
    own = MUTATION if operation.operation is OperationType.MUTATION else 0
    return Cost(own, 1, _Costing(schema, document, costs).of(operation.selection_set, root, PAGE) if root else ())


class _Costing:
    """Walks an operation's selections; a fragment is walked once for each page size that it stands under."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, costs: Mapping[str, int]) -> None:
        self.types, self.costs = schema.type_map, costs
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.of_fragments: dict[tuple[str, int | str], Cost] = {}

    def of(self, selections: SelectionSetNode, parent: GraphQLNamedType, page: int | str) -> tuple[Cost, ...]:
        """What each selection on the parent type costs; `page` is the size of the connection that this lies in."""
        return tuple(part for node in selections.selections for part in self.of_one(node, parent, page))

    def of_one(self, node: SelectionNode, parent: GraphQLNamedType, page: int | str) -> tuple[Cost, ...]:
        """What a field, a fragment's spread or an inline fragment costs."""
        if isinstance(node, FieldNode):
            return (self.of_field(node, parent, page),)
        if isinstance(node, InlineFragmentNode):
            on = self.types[node.type_condition.name.value] if node.type_condition else parent
            return self.of(node.selection_set, on, page)
        key = (node.name.value, page)  # type: ignore[attr-defined]
        if key not in self.of_fragments:
            fragment = self.fragments[key[0]]
            on = self.types[fragment.type_condition.name.value]
            self.of_fragments[key] = Cost(0, 1, self.of(fragment.selection_set, on, page))
        return (self.of_fragments[key],)

    def of_field(self, node: FieldNode, parent: GraphQLNamedType, page: int | str) -> Cost:
        """What a field costs. Those of introspection, and __typename, read no row and cost nothing."""
        field = getattr(parent, "fields", {}).get(node.name.value)
        if field is None:
            return Cost(0, 1, ())
        returned = get_named_type(field.type)
        own = self.costs.get(f"{parent.name}.{node.name.value}", 1 if is_composite_type(returned) else 0)
        if node.selection_set is None:
            return Cost(own, 1, ())
        size = _page_size(node, field) if "first" in field.args else None
        if not is_list_type(get_nullable_type(field.type)):
            return Cost(own, 1, self.of(node.selection_set, returned, PAGE if size is None else size))
        if size is None:
            size = page if node.name.value in ("edges", "nodes") else LIST
        return Cost(own, size, (Cost(1, 1, self.of(node.selection_set, returned, PAGE)),))


def _page_size(node: FieldNode, field: GraphQLField) -> int | str:
    """The page size that a field's arguments ask for, or the name of the variable that will say."""
    for argument in node.arguments:
        if argument.name.value in ("first", "last"):
            if isinstance(argument.value, IntValueNode):
                return int(argument.value.value)
            if isinstance(argument.value, VariableNode):
                return argument.value.name.value
    default = field.args["first"].default_value
    return default if isinstance(default, int) else PAGE
