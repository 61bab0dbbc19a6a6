"""The engine that asks the embedded index; without one that works, the database answers."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeVar

from tantivy import Query

from catalog.search.criteria import SearchCriteria, SortField
from catalog.search.cursors import Page
from catalog.search.engine import Hits, Suggestion, hits, positions, ranked_hits
from catalog.search.facets import SCALE, STARS, Counts, lifted
from catalog.search.highlight import Highlighter
from catalog.search.index import store, suggestions
from catalog.search.index.documents import cents
from catalog.search.index.filters import OTHERS, PRODUCTS, filters, price_of, sort_column
from catalog.search.index.matching import all_of
from catalog.search.index.paging import in_order
from catalog.search.index.ranking import Text, count
from catalog.search.sql.engine import DatabaseEngine
from core.errors import InvalidInput
from core.telemetry.metrics import FALLBACKS, timed_search

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")
# More brands or categories than these in one answer are the database's to count: Tantivy's limit.
MOST_TERMS = 65_000


class TantivyEngine:
    """Answers from the newest commit of the index."""

    def __init__(self) -> None:
        self.database = DatabaseEngine()
        self._complaint = ""

    @timed_search("tantivy")
    def search(self, criteria: SearchCriteria, page: Page) -> Hits:
        """The page of the products that the criteria find, in their order."""
        return self.answer(lambda index: _search(index, criteria, page), lambda: self.database.search(criteria, page))

    @timed_search("tantivy")
    def count(self, criteria: SearchCriteria, stage: int | None = None) -> int:
        """How many products the criteria find."""
        return self.answer(lambda index: _count(index, criteria, stage), lambda: self.database.count(criteria))

    def counts(self, criteria: SearchCriteria, stage: int | None = None, facets: Collection[str] = ()) -> Counts:
        """What facets are counted by."""
        return IndexCounts(self, criteria, stage, facets)

    @timed_search("tantivy")
    def suggest(self, words: list[str], first: int) -> list[Suggestion]:
        """Completions, with typos where nothing else is left."""
        return self.answer(
            lambda index: suggestions.suggest(index.searcher, words, first), lambda: self.database.suggest(words, first)
        )

    def highlighter(self, criteria: SearchCriteria, stage: int | None = None) -> Highlighter:
        """The words of a name that the stage matched; without one the database answered."""
        return Highlighter(criteria.text or "", stage)

    def answer(self, ask: Callable[[store.Snapshot], Answer], instead: Callable[[], Answer]) -> Answer:
        """What the index says; what the database says when there is no index, or it fails."""
        try:
            snapshot = store.reader.snapshot()
        except store.IndexUnavailable as unavailable:
            if self._complaint != str(unavailable):
                self._complaint = str(unavailable)
                logger.warning("searching in the database: %s", unavailable)
            FALLBACKS.inc()
            return instead()
        self._complaint = ""
        try:
            return ask(snapshot)
        except InvalidInput:
            raise
        except BaseException as error:
            # Rust's panics come as a BaseException of their own.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            logger.exception("the index failed; searching in the database")
            store.reader.examine(snapshot)
            FALLBACKS.inc()
            return instead()


def _terms(field: str) -> dict[str, Any]:
    return {"terms": {"field": field, "size": MOST_TERMS, "segment_size": MOST_TERMS}}


def _ranges(field: str, edges: Sequence[float]) -> dict[str, Any]:
    """Below the first edge, between the edges, and from the last on."""
    between = [{"from": low, "to": high} for low, high in pairwise(edges)]
    return {"range": {"field": field, "ranges": [{"to": edges[0]}, *between, {"from": edges[-1]}]}}


# What each facet asks of the index, by the name of the answer's part.
AGGREGATIONS: dict[str, dict[str, Any]] = {
    "categories": {"categories": _terms("category")},
    "brands": {"brands": _terms("brand")},
    "price": {"span": {"stats": {"field": "price"}}, "scale": _terms("price_step")},
    "ratings": {"ratings": _ranges("rating_low", [float(stars) for stars in reversed(STARS)])},
    "in_stock": {"stock": _ranges("quantity", [1.0])},
}


class IndexCounts:
    """Counts by aggregations over the index, for a question in one stage.

    Facets that are counted by the same question are counted in one pass; the index keeps the answers, until it changes.
    """

    def __init__(
        self, engine: TantivyEngine, asked: SearchCriteria, stage: int | None, facets: Collection[str]
    ) -> None:
        self._engine, self._asked, self._stage = engine, asked, stage
        self._facets = AGGREGATIONS.keys() & set(facets)
        self._database = engine.database.counts(asked)

    def by_category(self, criteria: SearchCriteria) -> dict[int, int]:
        """Products by category id."""
        return self._engine.answer(
            lambda index: _by_key(self._counted(index, criteria, "categories")["categories"]),
            lambda: self._database.by_category(criteria),
        )

    def by_brand(self, criteria: SearchCriteria) -> dict[int, int]:
        """Products by brand id."""
        return self._engine.answer(
            lambda index: _by_key(self._counted(index, criteria, "brands")["brands"]),
            lambda: self._database.by_brand(criteria),
        )

    def price_bounds(self, criteria: SearchCriteria) -> tuple[Decimal, Decimal] | None:
        """The lowest and the highest price."""

        def ask(index: store.Snapshot) -> tuple[Decimal, Decimal] | None:
            span = self._counted(index, criteria, "price")["span"]
            return (price_of(span["min"]), price_of(span["max"])) if span["count"] else None

        return self._engine.answer(ask, lambda: self._database.price_bounds(criteria))

    def by_price(self, criteria: SearchCriteria, bounds: list[Decimal]) -> list[int]:
        """Products below the first bound, between the bounds, and from the last on."""
        edges = [float(cents(bound)) for bound in bounds]

        def ask(index: store.Snapshot) -> list[int]:
            if set(bounds) <= set(SCALE):
                steps = _by_key(self._counted(index, criteria, "price")["scale"])
                ends = [0, *(SCALE.index(bound) + 1 for bound in bounds), len(SCALE) + 1]
                return [sum(steps.get(step, 0) for step in range(start, end)) for start, end in pairwise(ends)]
            return _in_order(self._aggregate(index, criteria, {"prices": _ranges("price", edges)})["prices"])

        return self._engine.answer(ask, lambda: self._database.by_price(criteria, bounds))

    def by_rating(self, criteria: SearchCriteria) -> list[int]:
        """Products rated at least 4, 3, 2 and 1."""

        def ask(index: store.Snapshot) -> list[int]:
            counts = _in_order(self._counted(index, criteria, "ratings")["ratings"])
            return [sum(counts[stars:]) for stars in STARS]

        return self._engine.answer(ask, lambda: self._database.by_rating(criteria))

    def in_stock(self, criteria: SearchCriteria) -> int:
        """Products with units in stock."""
        return self._engine.answer(
            lambda index: _in_order(self._counted(index, criteria, "in_stock")["stock"])[1],
            lambda: self._database.in_stock(criteria),
        )

    def _settled(self, index: store.Snapshot) -> int | None:
        """The stage that answers the question as it was asked, with no filter lifted."""
        if self._stage is None and self._asked.text and not self._asked.finds_nothing:
            text = Text(index, self._asked, None)
            text.settle()
            self._stage = text.stage
        return self._stage

    def _counted(self, index: store.Snapshot, criteria: SearchCriteria, facet: str) -> dict[str, Any]:
        """The facet's parts, counted together with those of all wanted facets that the same question counts."""
        known = index.counted.of(criteria, self._settled(index))
        if not AGGREGATIONS[facet].keys() <= known.keys():
            together = [name for name in self._facets if lifted(self._asked, name).question == criteria.question]
            asked = {part: how for name in {facet, *together} for part, how in AGGREGATIONS[name].items()}
            known |= self._aggregate(index, criteria, {p: how for p, how in asked.items() if p not in known})
        return known

    def _aggregate(self, index: store.Snapshot, criteria: SearchCriteria, asked: dict[str, Any]) -> dict[str, Any]:
        text = Text.of(index, criteria, self._settled(index))
        queries = [*([text.hits] if text else []), *filters(criteria)]
        query = Query.empty_query() if criteria.finds_nothing else all_of(queries or [PRODUCTS])
        return index.searcher.aggregate(query, asked)


def _by_key(answer: dict[str, Any]) -> dict[int, int]:
    return {int(bucket["key"]): bucket["doc_count"] for bucket in answer["buckets"]}


def _in_order(answer: dict[str, Any]) -> list[int]:
    """The counts of ranges, from the lowest on."""
    return [bucket["doc_count"] for bucket in sorted(answer["buckets"], key=lambda each: each.get("from", -1.0))]


def _search(index: store.Snapshot, criteria: SearchCriteria, page: Page) -> Hits:
    if criteria.finds_nothing:
        return hits([], page)
    text = Text.of(index, criteria, page.boundary.stage if page.boundary else None)

    def ask() -> Hits:
        if text and criteria.sort is SortField.RELEVANCE:
            start, stop = positions(page)
            ids = text.ranked(criteria, start, stop + (not page.backward)) if start < stop else []
            return ranked_hits(ids, page, start, stop, text.stage)
        queries = [*([text.hits] if text else []), *filters(criteria)]
        column = sort_column(criteria)
        rows = in_order(index, queries, column, descending=criteria.descending, page=page)
        if text:
            rows = [replace(row, stage=text.stage) for row in rows]
        return replace(hits(rows, page), stage=text.stage if text else None)

    found = ask()
    if text and not found.boundaries and text.settle():
        found = ask()
    return found


def _count(index: store.Snapshot, criteria: SearchCriteria, stage: int | None) -> int:
    if criteria.finds_nothing:
        return 0
    known = index.counted.of(criteria, stage)
    if "total" not in known:
        known["total"] = _counted_anew(index, criteria, stage)
    return known["total"]


def _counted_anew(index: store.Snapshot, criteria: SearchCriteria, stage: int | None) -> int:
    text = Text.of(index, criteria, stage)

    def ask() -> int:
        queries = [*([text.hits] if text else []), *filters(criteria)]
        return count(index, all_of(queries)) if queries else index.searcher.num_docs - count(index, OTHERS, "named")

    found = ask()
    if text and not found and text.settle():
        found = ask()
    return found
