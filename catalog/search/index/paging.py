"""Pages of rows in a total order. Tantivy sorts by one value only, so the ties are sorted by id here.

Rows that share the value of the cursor's position are a group, which is read on its own, by id. So is the last group of
a page, when the page's end cuts it.
"""

from bisect import bisect_right
from functools import partial
from typing import Any, cast

from tantivy import FieldType, Order

from catalog.search.cursors import Position
from catalog.search.index.lowering import TYPES, lower
from catalog.search.index.snapshots import Snapshot
from catalog.search.matching.filters import PRODUCTS, beyond, equal, from_index, to_index
from catalog.search.pages import Page
from catalog.search.queries import Query, Range, all_of, with_ids

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
        further = Range("id", *beyond(page.position.id, down), open_ends=True)
        rows = _by_id(index, [*queries, equal(field, after), further], after, want, down)
    if len(rows) < want:
        rows += _by_value(index, queries, field, after, want - len(rows), down, ends)
    return [Position(from_index(field, value), row_id) for value, row_id in rows]


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
        queries = [*queries, Range(field, *beyond(after, down), open_ends=True)]
    queries = queries or [PRODUCTS]
    return _complete(index, queries, field, _hits(index, all_of(queries), limit, field, down), want, limit, down)


def _complete(index: Snapshot, queries: list[Query], field: str, hits: Rows, want: int, limit: int, down: bool) -> Rows:
    """The first `want` of the hits in total order. Reads the group that the limit cuts by id."""
    if len(hits) < limit or hits[want - 1][0] != hits[-1][0]:
        return sorted(hits, reverse=down)[:want]
    last = hits[-1][0]
    whole = sorted((hit for hit in hits if hit[0] != last), reverse=down)
    return whole + _by_id(index, [*queries, equal(field, last)], last, want - len(whole), down)


def _hits(index: Snapshot, query: Query, limit: int, field: str, down: bool) -> Rows:
    """(value, id) by value alone."""
    order = Order.Desc if down else Order.Asc
    hits = index.searcher.search(lower(query), limit, count=False, order_by_field=field, order=order).hits
    ids = index.searcher.fast_field_values("id", [address for _, address in hits])
    return [(value, int(row_id or 0)) for (value, _), row_id in zip(hits, ids, strict=True)]


def _by_id(index: Snapshot, queries: list[Query], value: Any, limit: int, down: bool) -> Rows:
    """(value, id) by id, of rows that all have this value."""
    order = Order.Desc if down else Order.Asc
    hits = index.searcher.search(lower(all_of(queries)), limit, count=False, order_by_field="id", order=order).hits
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
    return Range(field, low, high, open_ends=True)


def _quantiles(index: Snapshot, field: str) -> list[Any]:
    """Values that split the catalogue into slices of about the same size."""
    _, values = index.remembered(f"quantiles of {field}", partial(_new_quantiles, field))
    return cast(list[Any], values)


def _new_quantiles(field: str, index: Snapshot, last: tuple[int, list[Any]] | None) -> tuple[int, list[Any]]:
    """The quantiles, and how many documents there were. They only say where to look first, so old ones may do."""
    size = index.searcher.num_docs
    if last and abs(size - last[0]) * 5 <= last[0]:
        return last
    return size, _text_quantiles(index, field) if field == "name_key" else _percentiles(index, field)


def _percentiles(index: Snapshot, field: str) -> list[Any]:
    percents = [100 * n / SLICES for n in range(1, SLICES)]
    aggregation = {"q": {"percentiles": {"field": field, "percents": percents, "keyed": False}}}
    buckets = index.searcher.aggregate(lower(PRODUCTS), aggregation)["q"]["values"]
    is_whole = TYPES[field] == FieldType.Integer
    return sorted({round(bucket["value"]) if is_whole else bucket["value"] for bucket in buckets})


def _text_quantiles(index: Snapshot, field: str) -> list[Any]:
    """Tantivy has no percentiles of texts, so they are of a random sample: the products with the highest digests."""
    highest = index.searcher.search(lower(PRODUCTS), SAMPLES, count=False, order_by_field="digest").hits
    ids = index.searcher.fast_field_values("id", [address for _, address in highest])
    some = with_ids(int(row_id or 0) for row_id in ids)
    values = [value for value, _ in index.searcher.search(lower(some), SAMPLES, count=False, order_by_field=field).hits]
    return sorted(set(values[SAMPLES_IN_SLICE::SAMPLES_IN_SLICE]))
