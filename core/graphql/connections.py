"""Relay connections: what a connection resolver returns, and the arguments it takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import graphene
from graphene.relay import PageInfo

PAGE_ARGUMENTS = {
    "first": graphene.Int(description="From the start, or after `after`: 1 to 100, default 20."),
    "after": graphene.String(description="An edge's cursor; goes with `first`."),
    "last": graphene.Int(description="From the end, or before `before`: 1 to 100."),
    "before": graphene.String(description="An edge's cursor; goes with `last`."),
}


@dataclass(slots=True)
class Edge:
    """A row and its cursor."""

    cursor: str
    node: Any


class Connection:
    """One page of a connection. The total is counted only when it is selected.

    Rows that were deleted before they were read (None) are left out. The page's cursors include theirs, so that a
    client can page on.
    """

    def __init__(
        self,
        page: Sequence[tuple[str, Any]],
        *,
        has_next: bool,
        has_previous: bool,
        count: Callable[[], int],
        edge: Callable[[str, Any], Edge] = Edge,
    ) -> None:
        self.edges = [edge(cursor, node) for cursor, node in page if node is not None]
        self.page_info = PageInfo(
            has_next_page=has_next,
            has_previous_page=has_previous,
            start_cursor=page[0][0] if page else None,
            end_cursor=page[-1][0] if page else None,
        )
        self._count = count

    @property
    def nodes(self) -> list[Any]:
        """The rows without their cursors."""
        return [edge.node for edge in self.edges]

    @property
    def total_count(self) -> int:
        """The number of rows on all pages. Costs one SQL query."""
        return self._count()


def edge_type(node: type, name: str, **more: Any) -> type[graphene.ObjectType]:
    """The edge type of a connection of these nodes; `more` are fields beside the cursor and the node."""
    fields = {"cursor": graphene.String(required=True), "node": graphene.Field(node, required=True)}
    return type(name, (graphene.ObjectType,), {**fields, **more, "__doc__": f"A {node.__name__} and its cursor."})


def list_of(kind: type | str) -> graphene.NonNull:
    """`[Kind!]!`, of a type or of the path to import it from."""
    return graphene.NonNull(graphene.List(graphene.NonNull(kind)))
