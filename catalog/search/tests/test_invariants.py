"""What holds of every search, whatever its text, filters, sort and steering: random searches of one mixed catalogue."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import QuerySet
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from catalog.category_tree import CategoryTree
from catalog.models import Attribute, AttributeValue, Product, ProductAttribute
from catalog.search.criteria import AttributeCondition, Range, SearchCriteria, SortField
from catalog.search.engine import engine
from catalog.search.index import ranking
from catalog.search.strategy import STRICT, TYPOS, MatchingStrategy, MatchLevel
from catalog.search.tests.mixed_shop import SIZES, any_criteria, fill, patient, walk, walk_at, walk_back
from catalog.search.tests.oracle import firsts

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
on_each_engine = pytest.mark.usefixtures("each_engine")


@pytest.fixture
def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Eighty products; blocks of the ranking are so small that searches have several, and less than enough hits."""
    monkeypatch.setattr(ranking, "BLOCK", 5)
    settings.SEARCH_MIN_HITS = 8
    settings.SEARCH_LANGUAGES = ["en", "de"]
    return [product.pk for product in fill(80)]


@on_each_engine
def test_all_pages_give_each_product_once(shop: list[int]) -> None:
    @patient
    @given(st.data())
    def check(data: st.DataObject) -> None:
        criteria = data.draw(any_criteria(shop))
        ids = walk(criteria, 100)
        assert len(set(ids)) == len(ids)
        size = data.draw(st.sampled_from(SIZES))
        assert walk(criteria, size) == ids
        search = engine().resolve(criteria)
        if data.draw(st.booleans()):
            assert search.total() == len(ids)
        assert walk(criteria, size, search=search) == ids
        assert search.total() == len(ids) == engine().resolve(criteria).total()
        assert walk_back(criteria, size) == ids
        if criteria.steering.pinned and criteria.sort is SortField.RELEVANCE:
            pinned = [pk for pk in criteria.steering.pinned if pk in ids]
            assert ids[: len(pinned)] == pinned
        assert not criteria.steering.hidden & set(ids)

    check()


@on_each_engine
def test_facets_count_what_is_found(shop: list[int]) -> None:
    @patient
    @given(st.data())
    def check(data: st.DataObject) -> None:
        criteria = data.draw(any_criteria(shop))
        search = engine().resolve(criteria)
        facets = search.facets(CategoryTree.load)
        total = lambda **changes: engine().resolve(replace(criteria, **changes)).total()  # noqa: E731
        for brand, count, _ in facets.brands(100):
            assert count == total(brands=frozenset([brand.pk]))
        counted = sum(count for _, count, _ in facets.brands(100))
        # A group is counted for each brand of which it has a matching product.
        assert counted >= total(brands=None) if criteria.grouped else counted == total(brands=None)
        for category, count, _ in facets.categories(100):
            subtree = CategoryTree.load().subtree([category.pk])
            assert count == total(categories=frozenset([category.pk]), category_subtree=frozenset(subtree))
        assert facets.in_stock() == total(in_stock=True)
        assert facets.on_sale() == total(on_sale=True)
        for stars, count, _ in facets.ratings():
            assert count == total(rating=Range(float(stars)))
        for prices in facets.price().ranges:
            assert prices.count == total(price=Range(prices.low, prices.high))
        if not criteria.grouped:
            assert facets.in_stock() == total(in_stock=None) - total(in_stock=False)
            assert sum(each.count for each in facets.price().ranges) == total(price=Range())
        for facet in facets.attributes(100, 100):
            for value in facet.values:
                assert value.count == total(attributes=with_value(criteria, facet.attribute, value.value))
            if facet.low is not None and facet.high is not None:
                for number in (facet.low, facet.high):
                    ends = Range(Decimal(str(number)), Decimal(str(number)))
                    assert total(
                        attributes=with_condition(criteria, AttributeCondition(facet.attribute.pk, numbers=ends))
                    )
        assert search.total() == len(walk(criteria, 100))

    check()


def with_condition(criteria: SearchCriteria, condition: AttributeCondition) -> tuple[AttributeCondition, ...]:
    """The conditions of the search, with this one in the place of any other about the same attribute."""
    others = [other for other in criteria.attributes if other.attribute != condition.attribute]
    return tuple(sorted([*others, condition], key=lambda each: each.attribute))


def with_value(criteria: SearchCriteria, attribute: Attribute, value: str) -> tuple[AttributeCondition, ...]:
    if attribute.kind == "BOOLEAN":
        return with_condition(criteria, AttributeCondition(attribute.pk, booleans=frozenset([value == "true"])))
    keys = AttributeValue.objects.filter(attribute=attribute, text=value).values_list("pk", flat=True)
    return with_condition(criteria, AttributeCondition(attribute.pk, values=frozenset(keys)))


@on_each_engine
def test_a_group_is_shown_by_the_first_of_its_products(shop: list[int]) -> None:
    @patient
    @given(st.data())
    def check(data: st.DataObject) -> None:
        criteria = replace(data.draw(any_criteria(shop)), grouped=False)
        every = walk(criteria, 100)
        by_pk = {product.pk: product for product in Product.objects.filter(pk__in=every)}
        wanted = [product.pk for product in firsts([by_pk[pk] for pk in every])]
        criteria = replace(criteria, grouped=True)
        assert walk(criteria, data.draw(st.sampled_from(SIZES))) == wanted
        assert engine().resolve(criteria).total() == len(wanted)

    check()


def having(condition: AttributeCondition) -> QuerySet[ProductAttribute]:
    rows = ProductAttribute.objects.filter(attribute=condition.attribute)
    if condition.values is not None:
        return rows.filter(value__in=condition.values)
    if condition.booleans is not None:
        return rows.filter(boolean__in=condition.booleans)
    low, high = (condition.numbers.low, condition.numbers.high) if condition.numbers else (None, None)
    rows = rows if low is None else rows.filter(number__gte=low)
    return rows if high is None else rows.filter(number__lte=high)


@on_each_engine
def test_a_filter_only_narrows(shop: list[int]) -> None:
    @patient
    @given(st.data())
    def check(data: st.DataObject) -> None:
        criteria = replace(data.draw(any_criteria(shop)), grouped=False)
        names = ("brands", "categories", "category_subtree", "in_stock", "on_sale")
        no_filters: dict[str, Any] = dict.fromkeys(names) | {"attributes": ()}
        everything = walk(replace(criteria, price=Range(), **no_filters), 100)
        rows = Product.objects.filter(pk__in=everything)
        if criteria.brands is not None:
            rows = rows.filter(brand__in=criteria.brands)
        if criteria.category_subtree is not None:
            rows = rows.filter(category__in=criteria.category_subtree)
        if criteria.price.low is not None:
            rows = rows.filter(price__gte=criteria.price.low)
        if criteria.price.high is not None:
            rows = rows.filter(price__lte=criteria.price.high)
        if criteria.in_stock is not None:
            rows = rows.filter(pk__in=[row.pk for row in rows if row.in_stock == criteria.in_stock])
        if criteria.on_sale is not None:
            rows = rows.filter(compare_at_price__isnull=not criteria.on_sale)
        for condition in criteria.attributes:
            rows = rows.filter(attribute_rows__in=having(condition))
        passing = {*rows.values_list("pk", flat=True)}
        assert walk(criteria, 100) == [pk for pk in everything if pk in passing]

    check()


@pytest.mark.usefixtures("index")
class TestLevels:
    """What the index alone has: weaker hits after the strict ones."""

    def test_weaker_hits_only_fill_up(self, shop: list[int], settings: Settings) -> None:
        @patient
        @given(st.data(), st.integers(1, 40))
        def check(data: st.DataObject, enough: int) -> None:
            settings.SEARCH_MIN_HITS = enough
            criteria = data.draw(any_criteria(shop, filtered=False))
            criteria = replace(criteria, sort=SortField.RELEVANCE, grouped=False)
            ids, pinned = walk(criteria, 100), criteria.steering.pinned
            ids = [pk for pk in ids if pk not in pinned]
            by_level = [
                [pk for pk in walk_at(criteria, level) if pk not in pinned]
                for level in (STRICT, TYPOS, *(MatchLevel(MatchingStrategy.PARTIAL, n) for n in (1, 2, 3)))
            ]
            strict = by_level[0]
            assert ids[: len(strict)] == strict
            if len(strict) >= enough:
                assert ids == strict or pinned
            else:
                assert len(ids) >= min(enough, max(map(len, by_level)))

        check()

    def test_sorts_do_not_share_their_totals(self, shop: list[int]) -> None:
        @patient
        @given(st.data())
        def check(data: st.DataObject) -> None:
            criteria = data.draw(any_criteria(shop))
            for sort in data.draw(st.permutations([SortField.RELEVANCE, SortField.PRICE])):
                sorted_so = replace(criteria, sort=sort)
                total = engine().resolve(sorted_so).total()
                assert total == len(walk(sorted_so, 100))

        check()
