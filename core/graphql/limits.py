"""Limits the shape and the cost of a document, before any resolver runs.

The shape is measured before validation, on the parsed document alone, because validating a huge document is slow. The
cost needs the schema: an object costs 1 and a leaf 0, a page size multiplies the cost of what it contains, and `costs`
names the fields, arguments and types that cost more or less.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

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
from core.parsing import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

# Introspection nests deeper than a storefront's queries (GraphiQL's reaches 15), and reads no rows.
INTROSPECTION_DEPTH = 20
# How many items a list without a page size is taken to have.
LIST_SIZE = 10
MUTATION_COST = 10
# Two directives (@skip and @include) are of use at one place, and neither may be repeated.
MAX_DIRECTIVES_AT_ONE_PLACE = 5


def exceeded(what: str, count: int | None, allowed: int, *, field: str | None = None) -> GraphQLError:
    """The error of a limit. `count` is None when counting stopped at the limit; `field` is the input field, if any."""
    has = "more" if count is None else str(count)
    message = f"The limit of {what} is {allowed}; this document has {has}."
    where = {"field": field} if field is not None else {}
    return api_error(Code.LIMIT_EXCEEDED, message, None, limit=what, allowed=allowed, **where)


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a selection is with its fragments written out."""

    depth: int = 0
    # The response names of this selection alone, not of those below. Repeated names are executed once.
    names: frozenset[str] = frozenset()
    # Fields and fragments, here and below. A fragment that one selection set spreads twice is counted once.
    selections: int = 0
    aliases: int = 0
    directives: int = 0
    introspection_depth: int = 0


class _Shapes:
    """Measures a document's selections. A fragment is walked once, however often it is spread."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments = {n.name.value: n for n in document.definitions if isinstance(n, FragmentDefinitionNode)}
        self.of_fragments: dict[str, Shape] = {}
        # Totals of the document as written: each fragment counts once, used or not, because validation reads them all.
        self.selections = self.directives_at_one_place = 0

    def of_fragment(self, name: str) -> Shape:
        """The shape of a fragment. One that is unknown or contains itself counts nothing: validation refuses both."""
        if name not in self.of_fragments:
            self.of_fragments[name] = Shape()
            if name in self.fragments:
                self.of_fragments[name] = self.of(self.fragments[name].selection_set)
        return self.of_fragments[name]

    def of(self, selections: SelectionSetNode) -> Shape:
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
        """The shape of what a field or a fragment contains."""
        if isinstance(node, FragmentSpreadNode):
            return self.of_fragment(node.name.value)
        inner = node.selection_set if isinstance(node, FieldNode | InlineFragmentNode) else None
        return self.of(inner) if inner is not None else Shape()


def check_shape(document: DocumentNode) -> None:
    """Raises LIMIT_EXCEEDED for a document or an operation that is too deep or too large.

    The contents of a fragment count wherever it is spread. Takes time linear in the document's length. Raises
    RecursionError for a document that is nested too deeply to be walked.
    """
    definitions = len(document.definitions)
    if definitions > settings.GRAPHQL_MAX_DEFINITIONS:
        raise exceeded("definitions", definitions, settings.GRAPHQL_MAX_DEFINITIONS)
    shapes = _Shapes(document)
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            shape = shapes.of(operation.selection_set)
            for what, count, allowed in (
                ("root fields", len(shape.names), settings.GRAPHQL_MAX_ROOT_FIELDS),
                ("depth", shape.depth, settings.GRAPHQL_MAX_DEPTH),
                ("introspection depth", shape.introspection_depth, INTROSPECTION_DEPTH),
                ("aliases", shape.aliases, settings.GRAPHQL_MAX_ALIASES),
                ("selections", shape.selections, settings.GRAPHQL_MAX_SELECTIONS),
                ("variables", len(operation.variable_definitions), settings.GRAPHQL_MAX_DEFINITIONS),
                ("directives", shape.directives + len(operation.directives), settings.GRAPHQL_MAX_DIRECTIVES),
            ):
                if count > allowed:
                    raise exceeded(what, count, allowed)
    for name in shapes.fragments:
        shapes.of_fragment(name)
    for what, count, allowed in (
        ("selections", shapes.selections, settings.GRAPHQL_MAX_SELECTIONS),
        ("directives at one place", shapes.directives_at_one_place, MAX_DIRECTIVES_AT_ONE_PLACE),
    ):
        if count > allowed:
            raise exceeded(what, count, allowed)


@dataclass(frozen=True, slots=True)
class PageSize:
    """The page size of a field, which depends on variables.

    `first` and `last` of the field are in `arguments`, each as a number or as the name of a variable.
    """

    arguments: tuple[int | str, ...]
    default: int

    def of(self, variables: Mapping[str, Any]) -> int:
        """The largest size given, since the resolver decides later whether `first` or `last` rules."""
        sizes = [variables.get(size) if isinstance(size, str) else size for size in self.arguments]
        return max((size for size in sizes if isinstance(size, int)), default=self.default)


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a field: `own`, plus `size` times the costs of what it contains.

    With `only_with`, the name of a variable, it costs nothing unless that variable has a value other than `default`.
    """

    own: int
    size: int | PageSize
    parts: tuple["Cost", ...] = ()
    only_with: str = ""
    default: Any = None

    def total(self, variables: Mapping[str, Any], known: dict[int, int]) -> int:
        """The cost with these variables. `known` caches the totals of shared parts (fragments) by their `id`."""
        key = id(self)
        if self.only_with and variables.get(self.only_with) in (None, "", self.default):
            return 0
        if key not in known:
            total = self.own
            if self.parts:
                size = self.size.of(variables) if isinstance(self.size, PageSize) else self.size
                inner = sum([part.total(variables, known) for part in self.parts])
                total += min(max(size, 1), MAX_PAGE_SIZE) * inner
            known[key] = total
        return known[key]


def cost_of(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, costs: Mapping[str, int]
) -> Cost:
    """The cost of a validated operation.

    `costs` has the costs of single fields ("Type.field"), of arguments ("Type.field(argument:)") and of objects
    ("Type").
    """
    root = schema.get_root_type(operation.operation)
    own = MUTATION_COST if operation.operation is OperationType.MUTATION else 0
    parts = _Costing(schema, document, costs).of(operation.selection_set, root, DEFAULT_PAGE_SIZE) if root else ()
    return Cost(own, 1, parts)


class _Costing:
    """Walks an operation's selections. A fragment is walked once for each page size under which it is spread."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, costs: Mapping[str, int]) -> None:
        self.types, self.costs = schema.type_map, costs
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.of_fragments: dict[tuple[str, int | PageSize], Cost] = {}

    def of(self, selections: SelectionSetNode, parent: GraphQLNamedType, page: int | PageSize) -> tuple[Cost, ...]:
        """The costs of selections on the parent type. `page` is the page size of the connection around them."""
        return tuple(part for node in selections.selections for part in self.of_one(node, parent, page))

    def of_one(self, node: SelectionNode, parent: GraphQLNamedType, page: int | PageSize) -> tuple[Cost, ...]:
        if isinstance(node, FieldNode):
            return (self.of_field(node, parent, page), *self.of_arguments(node, parent))
        if isinstance(node, InlineFragmentNode):
            on = self.types[node.type_condition.name.value] if node.type_condition else parent
            return self.of(node.selection_set, on, page)
        key = (cast(FragmentSpreadNode, node).name.value, page)
        if key not in self.of_fragments:
            fragment = self.fragments[key[0]]
            on = self.types[fragment.type_condition.name.value]
            self.of_fragments[key] = Cost(0, 1, self.of(fragment.selection_set, on, page))
        return (self.of_fragments[key],)

    def of_arguments(self, node: FieldNode, parent: GraphQLNamedType) -> Iterator[Cost]:
        """The costs of arguments that have one of their own, unless they are null, empty or as by default."""
        for argument in node.arguments:
            own = self.costs.get(f"{parent.name}.{node.name.value}({argument.name.value}:)")
            if not own:
                continue
            default = cast(Any, parent).fields[node.name.value].args[argument.name.value].default_value
            if isinstance(argument.value, VariableNode):
                yield Cost(own, 1, only_with=argument.value.name.value, default=default)
            elif getattr(argument.value, "value", None) not in (None, "", getattr(default, "value", default)):
                yield Cost(own, 1)

    def of_field(self, node: FieldNode, parent: GraphQLNamedType, page: int | PageSize) -> Cost:
        """The cost of a field. Introspection and __typename read no rows and cost nothing."""
        field = getattr(parent, "fields", {}).get(node.name.value)
        if field is None:
            return Cost(0, 1)
        returned = get_named_type(field.type)
        one = self.costs.get(returned.name, 1 if is_composite_type(returned) else 0)
        own = self.costs.get(f"{parent.name}.{node.name.value}", one)
        if node.selection_set is None:
            return Cost(own, 1)
        size = _page_size(node, field) if "first" in field.args else None
        if not is_list_type(get_nullable_type(field.type)):
            return Cost(own, 1, self.of(node.selection_set, returned, DEFAULT_PAGE_SIZE if size is None else size))
        if size is None:
            size = page if node.name.value in ("edges", "nodes") else LIST_SIZE
        return Cost(own, size, (Cost(one, 1, self.of(node.selection_set, returned, DEFAULT_PAGE_SIZE)),))


def _page_size(node: FieldNode, field: GraphQLField) -> int | PageSize:
    """The page size that a field's `first` and `last` ask for."""
    sizes: list[int | str] = []
    for argument in node.arguments:
        if argument.name.value in ("first", "last"):
            if isinstance(argument.value, IntValueNode):
                sizes.append(int(argument.value.value))
            elif isinstance(argument.value, VariableNode):
                sizes.append(argument.value.name.value)
    default = field.args["first"].default_value
    size = PageSize(tuple(sizes), default if isinstance(default, int) else DEFAULT_PAGE_SIZE)
    return size if any(isinstance(name, str) for name in sizes) else size.of({})
