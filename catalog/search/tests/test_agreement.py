"""Both APIs give what the plain model gives, for random catalogues and random searches."""

from dataclasses import replace

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from catalog.category_tree import CategoryTree
from catalog.models import Product
from catalog.search.criteria import Range, SearchCriteria, SortField
from catalog.search.cursors import encode_cursor
from catalog.search.engine import Engine
from catalog.search.index.engine import TantivyEngine
from catalog.search.pages import Page
from catalog.search.sql.engine import DatabaseEngine
from catalog.search.tests.both_apis import (
    by_graphql,
    by_rest,
    facets_by_graphql,
    facets_by_rest,
    price_ranges_by_graphql,
)
from catalog.search.tests.catalogues import IndexTestCase, Row, any_search, catalogues, fill, patient
from catalog.search.tests.oracle import Search, expected, firsts, matching, within
from catalog.search.tests.oracle_facets import count, facets
from catalog.search.validation import AttributeFilter, SearchInput, parse_criteria
from core.tests.clients import Api
from core.tests.examples import examples

drawn = given(
    drawn_rows=catalogues,
    searched=st.lists(any_search(), min_size=1, max_size=6),
    size=st.integers(1, 5),
)


def has_text(search: Search) -> bool:
    """Whether the search asks for words: then the two engines mean different things."""
    return bool((search.text or "").strip())


def check_pages(api: Api, catalogue: list[Product], search: Search, size: int) -> None:
    """All pages of both APIs are what the plain model says, there and back."""
    wanted = expected(catalogue, search)
    assert by_graphql(api, search, size) == wanted
    assert by_rest(api, search, size) == wanted
    if search.sort != "RELEVANCE" and (search.sort or not has_text(search)):
        assert by_graphql(api, search, size, backward=True) == wanted


def check_facets(api: Api, catalogue: list[Product], search: Search) -> None:
    """The facets of both APIs are what the plain model says."""
    wanted = facets(catalogue, search)
    assert facets_by_graphql(api, search) == facets_by_rest(api, search) == wanted
    priced = matching(catalogue, replace(search, price=(None, None)))
    for low, high, number in price_ranges_by_graphql(api, search):
        assert number == count((each for each in priced if within(each.price, (low, high))), search) > 0


@override_settings(SEARCH_MIN_HITS=3)
@pytest.mark.usefixtures("_patient_hashing")
@pytest.mark.slow
class TestBothApis(TestCase):
    """Each example runs in a transaction of its own, on the database engine."""

    @settings(patient, max_examples=examples(60))
    @drawn
    def test_they_agree_with_the_model(self, drawn_rows: list[Row], searched: list[Search], size: int) -> None:
        catalogue = fill(drawn_rows)
        api = Api(get_user_model().objects.create_user("shopper@example.com"))
        for search in searched:
            check_pages(api, catalogue, search, size)
            check_facets(api, catalogue, search)


@pytest.mark.usefixtures("_patient_hashing", "index")
class TestBothApisOnTheIndex(IndexTestCase):
    """The same on the embedded engine."""

    @settings(patient, max_examples=examples(30))
    @drawn
    def test_they_agree_with_the_model(self, drawn_rows: list[Row], searched: list[Search], size: int) -> None:
        catalogue = fill(drawn_rows)
        api = Api(get_user_model().objects.create_user("shopper@example.com"))
        for search in searched:
            if has_text(search):
                # Whatever it finds, all pages of both APIs find it, and once.
                slugs = by_graphql(api, search, size)
                assert by_rest(api, search, size) == slugs
                assert len(set(slugs)) == len(slugs)
                by_slug = {product.slug: product for product in catalogue}
                every = [by_slug[slug] for slug in by_graphql(api, replace(search, grouped=False), 100)]
                assert slugs == [each.slug for each in (firsts(every) if search.grouped else every)]
            else:
                check_pages(api, catalogue, search, size)
                check_facets(api, catalogue, search)


def criteria_of(search: Search) -> SearchCriteria:
    """The search as both APIs would understand it."""
    given = SearchInput(
        text=search.text,
        categories=search.categories,
        brands=search.brands,
        price=Range(*search.price),
        quantity=Range(*search.quantity),
        rating=Range(*search.rating),
        created=Range(*search.created),
        in_stock=search.in_stock,
        on_sale=search.on_sale,
        slugs=search.slugs or None,
        attributes=[
            AttributeFilter(
                attribute=condition.attribute,
                values=condition.values or None,
                min=condition.numbers[0],
                max=condition.numbers[1],
                is_=condition.boolean,
            )
            for condition in search.attributes
        ],
        grouped=search.grouped,
        sort=SortField(search.sort) if search.sort and (search.text or search.sort != "RELEVANCE") else None,
        descending=search.descending if search.sort and search.sort != "RELEVANCE" else None,
    )
    return parse_criteria(given)


def everything(engine: Engine, criteria: SearchCriteria, size: int) -> list[object]:
    """All that an engine answers to a search without a text: pages there and back, cursors, total, facets."""
    answers: list[object] = [engine.resolve(criteria).total()]
    for backward in (False, True):
        page = Page(size, backward)
        while True:
            hits = engine.resolve(criteria, page.position).page(page)
            answers.append((hits, [encode_cursor(criteria.digest, position) for position in hits.positions]))
            if not (hits.has_previous if backward else hits.has_next):
                break
            page = Page(size, backward, hits.positions[0 if backward else -1])
    found = engine.resolve(criteria).facets(CategoryTree.load)
    return [
        *answers,
        [(row.slug, *counted) for row, *counted in found.categories(3)],
        [(row.slug, *counted) for row, *counted in found.brands(2)],
        (found.price(), found.ratings(), found.in_stock(), found.on_sale()),
        (found.attributes(), found.attributes(2, 3)),
    ]


@pytest.mark.usefixtures("index")
class TestBothEngines(IndexTestCase):
    """Searches without a text get the same answers from both, to the last cursor."""

    @settings(patient, max_examples=examples(60))
    @drawn
    def test_they_agree(self, drawn_rows: list[Row], searched: list[Search], size: int) -> None:
        fill(drawn_rows)
        for search in searched:
            search.text = None
            criteria = criteria_of(search)
            assert everything(TantivyEngine(), criteria, size) == everything(DatabaseEngine(), criteria, size)

    @settings(patient, max_examples=examples(20))
    @given(drawn_rows=catalogues, searched=any_search())
    def test_a_range_of_prices_gives_its_own_count(self, drawn_rows: list[Row], searched: Search) -> None:
        fill(drawn_rows)
        criteria = criteria_of(searched)
        engine = TantivyEngine()
        price = engine.resolve(criteria).facets(CategoryTree.load).price()
        for each in price.ranges:
            chosen = replace(criteria, price=Range(each.low, each.high))
            assert engine.resolve(chosen).total() == each.count > 0
        total = engine.resolve(replace(criteria, price=Range())).total()
        # A group is counted in each range in which it has a product.
        assert sum(each.count for each in price.ranges) >= total
        assert criteria.grouped or sum(each.count for each in price.ranges) == total
