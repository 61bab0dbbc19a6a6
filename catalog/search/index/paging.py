"""Pages of rows in a total order. Tantivy sorts by one value only, so the ties are sorted by id here.

Rows that share the value of the cursor's position are a group, which is read on its own, by id. So is the last group of
a page, when the page's end cuts it.
"""

from bisect import bisect_right
from typing import Any

from tantivy import FieldType, Order, Query

from catalog.search.cursors import Position
from catalog.search.index.documents import SCHEMA
from catalog.search.index.filters import PRODUCTS, TYPES, from_index, to_index, within
from catalog.search.index.store import Snapshot
from catalog.search.index.terms import all_of, any_of
from catalog.search.pages import Page

# Rows read beyond the page. They often contain the end of its last group, which saves a query.
SPARE_ROWS = 20
# In a catalogue of at least so many products, a page looks first at the values near its position, if there is no filter
# but a range of the field that sorts.
MIN_PRODUCTS_FOR_WINDOW = 5_000
SLICES = 256
# For the quantiles of a text field: the size of the sample, and how many of its products are in one slice.
SAMPLES, SAMPLES_IN_SLICE = 4096, 4

Rows = list[tuple[Any, int]]
# The lowest and the highest whole number of a range, in the form of the index; None is no limit.
Ends = tuple[int | None, int | None]


def positions_in_order(
    index: Snapshot, queries: list[Query], field: str, *, descending: bool, page: Page, ends: Ends | None = None
) -> list[Position]:
    """Up to `page.size + 1` positions of the rows that match all queries, by (field, id), in the page's direction.

    `ends` say that the one query is this range of the field.
    """
    down = descending != page.backward
    want = page.size + 1
    rows: Rows = []
    after = None
    if page.position is not None:
        after = to_index(page.position.value)
        beyond = within("id", *_beyond(page.position.id, down), open_ends=True)
        rows = _by_id(index, [*queries, _equal(field, after), beyond], after, want, down)
    if len(rows) < want:
        rows += _by_value(index, queries, field, after, want - len(rows), down, ends)
    return [Position(from_index(field, value), row_id) for value, row_id in rows]


def before(index: Snapshot, field: str, position: Position, *, descending: bool, inclusive: bool) -> Query:
    """Rows that come before the position by (field, id); with `inclusive` also the row there."""
    value = to_index(position.value)
    ids = within("id", *_beyond(position.id, not descending), open_ends=not inclusive)
    return any_of([_between(index, field, *_beyond(value, not descending)), all_of([_equal(field, value), ids])])


def _beyond(value: Any, down: bool) -> tuple[Any, Any]:
    """The ends of the range after a value, in the direction of the sort."""
    return (None, value) if down else (value, None)


def _equal(field: str, value: Any) -> Query:
    return within(field, value, value) if field == "created" else Query.term_query(SCHEMA, field, value)


def _between(index: Snapshot, field: str, low: Any, high: Any) -> Query:
    """Values between both ends, which are excluded. None means no limit."""
    if field != "name_key":
        return within(field, low, high, open_ends=True)
    # tantivy-py has ranges of texts in its query language only. That is safe, because the ends are hexadecimal.
    return index.index.parse_query(f"name_key:{{{low or '*'} TO {high or '*'}}}")


def _by_value(
    index: Snapshot, queries: list[Query], field: str, after: Any, want: int, down: bool, ends: Ends | None
) -> Rows:
    """So many rows by (field, id) after the value, or from the start."""
    limit = want + SPARE_ROWS
    if (ends or not queries) and index.searcher.num_docs >= MIN_PRODUCTS_FOR_WINDOW:
        window = _window(index, field, _start(after, ends or (None, None), down), want, down, ends or (None, None))
        hits = _hits(index, window, limit, field, down) if window is not None else []
        if window is not None and len(hits) == limit:
            return _complete(index, [window], field, hits, want, limit, down)
    if after is not None:
        queries = [*queries, _between(index, field, *_beyond(after, down))]
    queries = queries or [PRODUCTS]
    return _complete(index, queries, field, _hits(index, all_of(queries), limit, field, down), want, limit, down)


def _complete(index: Snapshot, queries: list[Query], field: str, hits: Rows, want: int, limit: int, down: bool) -> Rows:
    """The first `want` of the hits in total order. Reads the group that the limit cuts by id."""
    if len(hits) < limit or hits[want - 1][0] != hits[-1][0]:
        return sorted(hits, reverse=down)[:want]
    last = hits[-1][0]
    whole = sorted((hit for hit in hits if hit[0] != last), reverse=down)
    return whole + _by_id(index, [*queries, _equal(field, last)], last, want - len(whole), down)


def _hits(index: Snapshot, query: Query, limit: int, field: str, down: bool) -> Rows:
    """(value, id) by value alone."""
    order = Order.Desc if down else Order.Asc
    hits = index.searcher.search(query, limit, count=False, order_by_field=field, order=order).hits
    ids = index.searcher.fast_field_values("id", [address for _, address in hits])
    return [(value, int(row_id or 0)) for (value, _), row_id in zip(hits, ids, strict=True)]


def _by_id(index: Snapshot, queries: list[Query], value: Any, limit: int, down: bool) -> Rows:
    """(value, id) by id, of rows that all have this value."""
    order = Order.Desc if down else Order.Asc
    hits = index.searcher.search(all_of(queries), limit, count=False, order_by_field="id", order=order).hits
    return [(value, row_id) for row_id, _ in hits]


def _start(after: Any, ends: Ends, down: bool) -> Any:
    """The value beyond which the page starts: the position's, or the last one that the range leaves out."""
    low, high = ends
    outside = (high + 1 if high is not None else None) if down else (low - 1 if low is not None else None)
    # A forged cursor may lie outside the range.
    given = [value for value in (after, outside) if value is not None]
    return (min(given) if down else max(given)) if given else None


def _window(index: Snapshot, field: str, after: Any, want: int, down: bool, limits: Ends) -> Query | None:
    """A slice of values after the position that probably has a page, by the catalogue's quantiles; None if unknown.

    All rows in the slice come before all others. The caller must check whether they fill a page.
    """
    quantiles = _quantiles(index, field)
    # Slices vary in size, so this leaves room for four pages.
    step = 1 + 4 * want * len(quantiles) // index.searcher.num_docs
    if down:
        place = bisect_right(quantiles, after) - 1 if after is not None else len(quantiles) - 1
        low = quantiles[place - step] if place > step else None
        ends = (low, after)
    else:
        place = bisect_right(quantiles, after) if after is not None else 0
        high = quantiles[place + step] if place + step < len(quantiles) else None
        ends = (after, high)
    if None in ends and (after is not None or ends == (None, None)):
        return None
    low, high = ends
    if limits[0] is not None and (low is None or low < limits[0]):
        low = limits[0] - 1
    if limits[1] is not None and (high is None or high > limits[1]):
        high = limits[1] + 1
    # Without the value of the position, whose group was read already.
    return _between(index, field, low, high)


def _quantiles(index: Snapshot, field: str) -> list[Any]:
    """Values that split the catalogue into slices of about the same size. They are kept while they are good enough."""
    if field not in index.quantiles:
        index.quantiles[field] = _text_quantiles(index, field) if field == "name_key" else _percentiles(index, field)
    return index.quantiles[field]


def _percentiles(index: Snapshot, field: str) -> list[Any]:
    percents = [100 * n / SLICES for n in range(1, SLICES)]
    aggregation = {"q": {"percentiles": {"field": field, "percents": percents, "keyed": False}}}
    buckets = index.searcher.aggregate(PRODUCTS, aggregation)["q"]["values"]
    is_whole = TYPES[field] == FieldType.Integer
    return sorted({round(bucket["value"]) if is_whole else bucket["value"] for bucket in buckets})


def _text_quantiles(index: Snapshot, field: str) -> list[Any]:
    """Tantivy has no percentiles of texts, so they are of a random sample: the products with the highest digests."""
    highest = index.searcher.search(PRODUCTS, SAMPLES, count=False, order_by_field="digest").hits
    ids = index.searcher.fast_field_values("id", [address for _, address in highest])
    some = Query.term_set_query(SCHEMA, "id", ids)
    values = [value for value, _ in index.searcher.search(some, SAMPLES, count=False, order_by_field=field).hits]
    return sorted(set(values[SAMPLES_IN_SLICE::SAMPLES_IN_SLICE]))
