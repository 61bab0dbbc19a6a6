"""Random searches are answered alike by the embedded index and by the cluster, with texts, attributes and groups."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from catalog.category_tree import CategoryTree
from catalog.models import Product
from catalog.search import following
from catalog.search.criteria import SearchCriteria, SortField
from catalog.search.cursors import encode_cursor
from catalog.search.engine import Engine
from catalog.search.index import lowering, snapshots
from catalog.search.index.engine import TantivyEngine
from catalog.search.index.writing import Generations
from catalog.search.opensearch.engine import OpenSearchEngine
from catalog.search.opensearch.lowering import lower
from catalog.search.opensearch.moments import moments
from catalog.search.opensearch.reading import Reading
from catalog.search.pages import Page
from catalog.search.queries import Boost, Near, OneOf, Phrase, Query, Term
from catalog.search.tests.cluster import build, cluster_index
from catalog.search.tests.mixed_shop import any_criteria, fill
from core.tests.examples import examples

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.opensearch]
NUM_PRODUCTS = 400


@pytest.fixture(scope="module")
def shop(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[list[Product]]:
    """A shop that is in both indexes."""
    folder = tmp_path_factory.mktemp("index")
    with django_db_blocker.unblock(), override_settings(SEARCH_INDEX_DIR=folder), cluster_index():
        kept, snapshots.reader = snapshots.reader, snapshots.Reader()
        with transaction.atomic():
            products = fill(NUM_PRODUCTS)
            following.rebuild(Generations())
            build()
            yield products
            transaction.set_rollback(True)
        snapshots.reader = kept


def answers(engine: Engine, criteria: SearchCriteria, size: int) -> dict[str, object]:
    """All that an engine answers: pages there and back with their cursors, total, facets, highlights."""
    found: dict[str, object] = {"total": engine.resolve(criteria).total()}
    by_relevance = criteria.sort is SortField.RELEVANCE
    for backward in (False,) if by_relevance else (False, True):
        cursors, flags, page = [], [], Page(size, backward)
        while True:
            hits = engine.resolve(criteria, page.position).page(page)
            flags.append((hits.has_previous, hits.has_next))
            cursors += [encode_cursor(criteria.digest, position) for position in hits.positions]
            if not (hits.has_previous if backward else hits.has_next):
                break
            page = Page(size, backward, hits.positions[0 if backward else -1])
        found[f"pages {backward}"] = (cursors, flags)
    if by_relevance:
        page = Page(100)
        ids: list[int] = []
        while True:
            hits = engine.resolve(criteria, page.position).page(page)
            ids += hits.ids
            if not hits.has_next:
                break
            page = Page(100, position=hits.positions[-1])
        found["pages False"] = sorted(ids)
        found["level"] = hits.positions and hits.positions[0].level
        found["order"] = ids
    facets = engine.resolve(criteria).facets(CategoryTree.load)
    found["facets"] = (
        [(row.slug, *counted) for row, *counted in facets.categories(3)],
        [(row.slug, *counted) for row, *counted in facets.brands(2)],
        (facets.price(), facets.ratings(), facets.in_stock(), facets.on_sale()),
        (facets.attributes(), facets.attributes(2, 3)),
    )
    return found


def test_they_agree(shop: list[Product], monkeypatch: pytest.MonkeyPatch) -> None:
    # The database would answer without a test noticing.
    monkeypatch.setattr("catalog.search.fallback.note_fallback", lambda: pytest.fail("the index failed"))
    ids = [product.pk for product in shop]
    in_order: list[bool] = []

    @hypothesis_settings(
        deadline=None,
        max_examples=examples(500),
        suppress_health_check=[*HealthCheck],
        database=None,
        phases=[Phase.generate],
    )
    @given(st.data())
    def check(data: st.DataObject) -> None:
        criteria, size = data.draw(any_criteria(ids)), data.draw(st.sampled_from([3, 20, 100]))
        embedded = answers(TantivyEngine(), criteria, size)
        clustered = answers(OpenSearchEngine(), criteria, size)
        if "order" in embedded:
            in_order.append(embedded.pop("order") == clustered.pop("order"))
        for name, answer in embedded.items():
            assert clustered[name] == answer, name

    check()
    # Equal scores are ranked in another order where a block of hits ends.
    assert sum(in_order) >= 0.9 * len(in_order), f"{sum(in_order)} of {len(in_order)} in the same order"


def scores(shop_index: snapshots.Snapshot, query: Query) -> tuple[dict[int, float], dict[int, float]]:
    """What each product scores in the embedded index, and in the cluster."""
    searcher = shop_index.searcher
    hits = searcher.search(lowering.lower(query), NUM_PRODUCTS, count=False).hits
    ids = searcher.fast_field_values("id", [address for _, address in hits])
    body = {"size": NUM_PRODUCTS, "query": lower(query), "sort": [{"_score": "desc"}, {"id": "asc"}]}
    (response,) = Reading(moments.now()).search(body, scored=True)
    clustered = {hit["sort"][1]: hit["sort"][0] for hit in response["hits"]["hits"]}
    return {pk: score for (score, _), pk in zip(hits, ids, strict=True)}, clustered


@pytest.mark.parametrize(
    "query",
    [
        *(Term("name", "lamp"), Term("brand_name", "wolf"), Term("context", "oak"), Term("description", "lamp")),
        *(Term("name_words", "lamps"), Term("sku", "sku"), Term("subject", "lamp"), Phrase("name", ("lamp", "desk"))),
        *(Near("name_words", "lmap", 1), OneOf("id", (1, 2, 3)), Boost(Term("name", "lamp"), 6.0)),
    ],
    ids=str,
)
def test_scores_are_the_same(shop: list[Product], query: Query) -> None:
    embedded, clustered = scores(snapshots.reader.snapshot(), query)
    assert embedded
    assert clustered == pytest.approx(embedded, abs=1e-4)
