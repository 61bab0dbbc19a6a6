"""The hits of a text best first, the same on every page, as catalog.search.index.ranking gives them."""

from typing import Any

from catalog.search.matching.resolving import ResolvedText
from catalog.search.opensearch.lowering import Body, filtered
from catalog.search.opensearch.reading import BLOCK, Reading, ids_in_blocks, ranked_body
from catalog.search.queries import Query, with_ids


def ranked_ids(index: Reading, text: ResolvedText, filters: list[Query], start: int, stop: int) -> list[int]:
    """The ids of the hits of a text from the rank `start`, counted from 0, to before `stop`, best first.

    Makes one request, and a second one when the page goes on after the better hits of the text.
    """
    if start >= stop:
        return []
    first_ids, tail, rest = [*text.first_ids], text.tail, text.rest
    # How many of the first ids pass the filters is known afterwards only.
    begin, end = _blocks(max(0, start - len(first_ids)), stop if filters else stop - len(first_ids))
    bodies = [ranked_body(tail, filters, begin, end)] if end else []
    with_rest = rest is not None and begin == 0 and end > 0
    if with_rest and rest is not None:
        bodies.append(ranked_body(rest, filters, 0, end))
    is_sifted = bool(first_ids and filters)
    if is_sifted:
        bodies.append(_passing_body(first_ids, filters))
    responses = index.search(*bodies, scored=True) if bodies else []
    if is_sifted:
        passing = {hit["sort"][0] for hit in responses[-1]["hits"]["hits"]}
        first_ids = [pk for pk in first_ids if pk in passing]
    ids = first_ids[start:stop]
    start, stop = max(0, start - len(first_ids)), stop - len(first_ids)
    if stop <= 0:
        return ids
    better = _cut(responses[0], begin, start, stop)
    ids += better
    if rest is None or len(better) == stop - start:
        return ids
    num_better = responses[0]["hits"]["total"]["value"]
    start, stop = max(0, start - num_better), stop - num_better
    if with_rest:
        return ids + _cut(responses[1], 0, start, stop)
    begin, end = _blocks(start, stop)
    (response,) = index.search(ranked_body(rest, filters, begin, end), scored=True)
    return ids + _cut(response, begin, start, stop)


def _blocks(start: int, stop: int) -> tuple[int, int]:
    """The first block that has some of these ranks, and the one after the last."""
    return start // BLOCK, max(0, (stop - 1) // BLOCK + 1)


def _cut(response: dict[str, Any], begin: int, start: int, stop: int) -> list[int]:
    return ids_in_blocks(response)[start - begin * BLOCK : stop - begin * BLOCK]


def _passing_body(ids: list[int], filters: list[Query]) -> Body:
    query = filtered([], [with_ids(ids), *filters])
    return {"size": len(ids), "track_total_hits": False, "_source": False, "sort": ["id"], "query": query}
