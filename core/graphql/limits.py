"""What a document may ask for, known before any resolver runs: its shape, and what it costs.

Shape is measured on the parsed document alone, so that validation never sees a monstrous one. Cost needs the schema:
an object costs 1, a leaf nothing, page sizes multiply what lies within, the schema's costs say what costs more.
"""

from collections.abc import Iterator, Mapping
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


def exceeded(what: str, found: int | None, allowed: int, *, field: str | None = None) -> GraphQLError:
    """The error of a limit, with the number allowed; `field` when it is one input's."""
    has = "more" if found is None else str(found)
    message = f"The limit of {what} is {allowed}; this document has {has}."
    where = {"field": field} if field is not None else {}
    return api_error(Code.LIMIT_EXCEEDED, message, None, limit=what, allowed=allowed, **where)


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a selection is with its fragments written out."""

    depth: int = 0
    # The response names of this selection itself, not of those below: one is executed once however often it is written.
    names: frozenset[str] = frozenset()
    # Fields and fragments here and below; a fragment that one place spreads twice is looked through once.
    selections: int = 0
    aliases: int = 0
    directives: int = 0
    introspection_depth: int = 0


class _Shapes:
    """Measures a document's selections: each is walked once, however often its fragment is spread."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments = {n.name.value: n for n in document.definitions if isinstance(n, FragmentDefinitionNode)}
        self.of_fragments: dict[str, Shape] = {}
        # As written: each fragment once, whether it is used or not. Validation looks at all of it.
        self.selections = self.directives_at_one_place = 0

    def of_fragment(self, name: str) -> Shape:
        """The shape of a fragment; nothing for one that is unknown or within itself (validation names both)."""
        if name not in self.of_fragments:
            self.of_fragments[name] = Shape()
            if name in self.fragments:
                self.of_fragments[name] = self.of(self.fragments[name].selection_set)
        return self.of_fragments[name]

    def of(self, selections: SelectionSetNode) -> Shape:
        """The shape of a selection set."""
        count = len(selections.selections)
        self.selections += count
        depth = aliases = directives = introspection = 0
        names: set[str] = set()
        spread: set[str] = set()
        for node in selections.selections:
            self.directives_at_one_place = max(self.directives_at_one_place, len(node.directives))
            below = self.below(node)
            if isinstance(node, FieldNode):
                names.add((node.alias or node.name).value)
                aliases += node.alias is not None
                if node.name.value in ("__schema", "__type"):
                    introspection = max(introspection, 1 + below.depth)
                else:
                    depth = max(depth, 1 + below.depth)
            else:
                names |= below.names
                depth = max(depth, below.depth)
            if not (isinstance(node, FragmentSpreadNode) and node.name.value in spread):
                count += below.selections
            if isinstance(node, FragmentSpreadNode):
                spread.add(node.name.value)
            aliases += below.aliases
            directives += below.directives + len(node.directives)
            introspection = max(introspection, below.introspection_depth)
        return Shape(depth, frozenset(names), count, aliases, directives, introspection)

    def below(self, node: SelectionNode) -> Shape:
        """What lies within a field or a fragment."""
        if isinstance(node, FragmentSpreadNode):
            return self.of_fragment(node.name.value)
        inner: SelectionSetNode | None = node.selection_set  # type: ignore[attr-defined]
        return self.of(inner) if inner is not None else Shape()


def check_shape(document: DocumentNode) -> None:
    """Raises LIMIT_EXCEEDED for a document or an operation that is too deep or has too much of something.

    What fragments hold counts wherever they are spread. Takes time linear in the document's length. Raises
    RecursionError for one that is nested beyond all limits.
    """
    definitions = len(document.definitions)
    if definitions > settings.GRAPHQL_MAX_DEFINITIONS:
        raise exceeded("definitions", definitions, settings.GRAPHQL_MAX_DEFINITIONS)
    shapes = _Shapes(document)
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            shape = shapes.of(operation.selection_set)
            for what, found, allowed in (
                ("root fields", len(shape.names), settings.GRAPHQL_MAX_ROOT_FIELDS),
                ("depth", shape.depth, settings.GRAPHQL_MAX_DEPTH),
                ("introspection depth", shape.introspection_depth, INTROSPECTION_DEPTH),
                ("aliases", shape.aliases, settings.GRAPHQL_MAX_ALIASES),
                ("selections", shape.selections, settings.GRAPHQL_MAX_SELECTIONS),
                ("variables", len(operation.variable_definitions), settings.GRAPHQL_MAX_DEFINITIONS),
                ("directives", shape.directives + len(operation.directives), settings.GRAPHQL_MAX_DIRECTIVES),
            ):
                if found > allowed:
                    raise exceeded(what, found, allowed)
    for name in shapes.fragments:
        shapes.of_fragment(name)
    for what, found, allowed in (
        ("selections", shapes.selections, settings.GRAPHQL_MAX_SELECTIONS),
        ("directives at one place", shapes.directives_at_one_place, MAX_DIRECTIVES_AT_ONE_PLACE),
    ):
        if found > allowed:
            raise exceeded(what, found, allowed)


@dataclass(frozen=True, slots=True)
class PageSize:
    """The page size that variables say, with numbers beside them; `default` when none says one."""

    asked: tuple[int | str, ...]
    default: int

    def of(self, variables: Mapping[str, Any]) -> int:
        """The largest that is given: which of `first` and `last` rules, or that both are refused, is told later."""
        given = [variables.get(size) if isinstance(size, str) else size for size in self.asked]
        return max((size for size in given if isinstance(size, int)), default=self.default)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a field costs: `own`, and `size` times what lies within; nothing when `given` names a variable left out."""

    own: int
    size: int | PageSize
    within: tuple["Cost", ...] = ()
    given: str = ""

    def total(self, variables: Mapping[str, Any], known: dict[int, int]) -> int:
        """The cost with these variables; `known` keeps parts that are shared (fragments) from being counted anew."""
        key = id(self)
        if self.given and not variables.get(self.given):
            return 0
        if key not in known:
            total = self.own
            if self.within:
                size = self.size.of(variables) if isinstance(self.size, PageSize) else self.size
                within = sum([part.total(variables, known) for part in self.within])
                total += min(max(size, 1), MAX_PAGE) * within
            known[key] = total
        return known[key]


def cost_of(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, costs: Mapping[str, int]
) -> Cost:
    """The cost of a validated operation; `costs` says what single fields and arguments cost.

    Fields are named "Type.field", arguments "Type.field(argument:)".
    """
    root = schema.get_root_type(operation.operation)
    own = MUTATION if operation.operation is OperationType.MUTATION else 0
    within = _Costing(schema, document, costs).of(operation.selection_set, root, PAGE) if root else ()
    return Cost(own, 1, within)


class _Costing:
    """Walks an operation's selections; a fragment is walked once for each page size that it stands under."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, costs: Mapping[str, int]) -> None:
        self.types, self.costs = schema.type_map, costs
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.of_fragments: dict[tuple[str, int | PageSize], Cost] = {}

    def of(self, selections: SelectionSetNode, parent: GraphQLNamedType, page: int | PageSize) -> tuple[Cost, ...]:
        """What each selection on the parent type costs; `page` is the size of the connection that this lies in."""
        return tuple(part for node in selections.selections for part in self.of_one(node, parent, page))

    def of_one(self, node: SelectionNode, parent: GraphQLNamedType, page: int | PageSize) -> tuple[Cost, ...]:
        """What a field, a fragment's spread or an inline fragment costs."""
        if isinstance(node, FieldNode):
            return (self.of_field(node, parent, page), *self.of_arguments(node, parent))
        if isinstance(node, InlineFragmentNode):
            on = self.types[node.type_condition.name.value] if node.type_condition else parent
            return self.of(node.selection_set, on, page)
        key = (node.name.value, page)  # type: ignore[attr-defined]
        if key not in self.of_fragments:
            fragment = self.fragments[key[0]]
            on = self.types[fragment.type_condition.name.value]
            self.of_fragments[key] = Cost(0, 1, self.of(fragment.selection_set, on, page))
        return (self.of_fragments[key],)

    def of_arguments(self, node: FieldNode, parent: GraphQLNamedType) -> Iterator[Cost]:
        """What arguments cost that make a field dearer ("Type.field(argument:)"), unless they are null or empty."""
        for argument in node.arguments:
            own = self.costs.get(f"{parent.name}.{node.name.value}({argument.name.value}:)")
            if own and isinstance(argument.value, VariableNode):
                yield Cost(own, 1, given=argument.value.name.value)
            elif own and getattr(argument.value, "value", None):
                yield Cost(own, 1)

    def of_field(self, node: FieldNode, parent: GraphQLNamedType, page: int | PageSize) -> Cost:
        """What a field costs. Those of introspection, and __typename, read no row and cost nothing."""
        field = getattr(parent, "fields", {}).get(node.name.value)
        if field is None:
            return Cost(0, 1)
        returned = get_named_type(field.type)
        own = self.costs.get(f"{parent.name}.{node.name.value}", 1 if is_composite_type(returned) else 0)
        if node.selection_set is None:
            return Cost(own, 1)
        size = _page_size(node, field) if "first" in field.args else None
        if not is_list_type(get_nullable_type(field.type)):
            return Cost(own, 1, self.of(node.selection_set, returned, PAGE if size is None else size))
        if size is None:
            size = page if node.name.value in ("edges", "nodes") else LIST
        return Cost(own, size, (Cost(1, 1, self.of(node.selection_set, returned, PAGE)),))


def _page_size(node: FieldNode, field: GraphQLField) -> int | PageSize:
    """The page size that a field's `first` and `last` ask for."""
    asked: list[int | str] = []
    for argument in node.arguments:
        if argument.name.value in ("first", "last"):
            if isinstance(argument.value, IntValueNode):
                asked.append(int(argument.value.value))
            elif isinstance(argument.value, VariableNode):
                asked.append(argument.value.name.value)
    default = field.args["first"].default_value
    size = PageSize(tuple(asked), default if isinstance(default, int) else PAGE)
    return size if any(isinstance(name, str) for name in asked) else size.of({})
