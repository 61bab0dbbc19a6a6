"""Counts and pages of groups in the cluster are exact over several shards, each of several parts, or fail."""

import os
import random
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from catalog.search.attribute_codes import Tag, code, further_code
from catalog.search.attribute_facets import AttributeCounts
from catalog.search.criteria import AttributeCondition, Range, SearchCriteria
from catalog.search.cursors import Position
from catalog.search.facets import FACETS, STARS, without_own_filter
from catalog.search.matching.filters import filters
from catalog.search.opensearch import facet_counts, grouped_counts
from catalog.search.opensearch.client import ClusterFailed, client
from catalog.search.opensearch.grouping import count_groups, first_positions
from catalog.search.opensearch.mapping import index_body
from catalog.search.opensearch.moments import Moment
from catalog.search.opensearch.reading import Reading
from catalog.search.pages import Page
from catalog.search.price_ranges import SCALE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.opensearch,
    pytest.mark.skipif("SEARCH_URL" not in os.environ, reason="needs a cluster"),
]
Document = dict[str, Any]
BOOLEAN = 9
# The attribute of each value.
ATTRIBUTE_OF = {attribute * 100 + n: attribute for attribute in (1, 2, 3) for n in range(100)}
# Searched at once, the parts of a shard have counts of their own.
PARTS = {
    "number_of_replicas": 0,
    "search.concurrent_segment_search.mode": "all",
    "search.concurrent.max_slice_count": 4,
    "merge.policy.segments_per_tier": 50,
    "merge.policy.floor_segment": "2kb",
}


def document(draw: random.Random, pk: int, num_groups: int) -> Document:
    group = draw.choice([2 * pk, 2 * draw.randint(1, num_groups) + 1])
    values = {attribute * 100 + draw.randrange(4 + 80 * (attribute == 3)) for attribute in draw.choices((1, 2, 3), k=3)}
    texts = Counter(value // 100 for value in values)
    codes = [code(Tag.VALUE, value) for value in sorted(values)]
    codes += [further_code(attribute, number - 1) for attribute, number in texts.items() if number > 1]
    booleans = draw.choice([[], [Tag.YES], [Tag.NO]])
    codes += [code(tag, BOOLEAN) for tag in booleans]
    price, rating = draw.randint(1, 2000), draw.choice([-1.0, 1.0, 2.5, 3.9, 4.0, 5.0])
    return {
        "kind": "product",
        "id": pk,
        "group": group,
        "category": draw.randint(1, 5),
        "brand": draw.randint(1, 7),
        "price": price,
        "price_step": bisect_right(SCALE, Decimal(price).scaleb(-2)),
        "quantity": draw.randint(0, 3),
        "in_stock": draw.randint(0, 1),
        "on_sale": draw.randint(0, 1),
        "rating_low": rating,
        "values": codes,
        "attributes": sorted(
            {*texts} | ({BOOLEAN} if len(codes) > len(values) + sum(n > 1 for n in texts.values()) else set())
        ),
    }


@pytest.fixture
def name(settings: Settings) -> Iterator[str]:
    settings.SEARCH_URL = os.environ["SEARCH_URL"]
    name = f"test-{uuid4().hex[:8]}"
    yield name
    client().request("DELETE", f"/{name}")


def fill(name: str, draw: random.Random, number: int, num_groups: int) -> list[Document]:
    body = index_body({})
    body["settings"] |= PARTS
    client().request("PUT", f"/{name}", body)
    documents = [document(draw, pk, num_groups) for pk in range(1, number + 1)]
    for start in range(0, number, 100):
        some = documents[start : start + 100]
        headers = [{"index": {"_index": name, "routing": str(each["group"])}} for each in some]
        lines = [line for pair in zip(headers, some, strict=True) for line in pair]
        assert not client().request("POST", "/_bulk", lines, refresh="true")["errors"]
    client().request("POST", "/_bulk", [{"index": {"_index": name}}, {"kind": "brand"}], refresh="true")
    return documents


def reading(name: str) -> Reading:
    return Reading(Moment(name, name, attribute_of={**ATTRIBUTE_OF}))


def any_criteria(draw: random.Random, *, grouped: bool) -> SearchCriteria:
    criteria = SearchCriteria(grouped=grouped)
    if draw.random() < 0.4:
        criteria = replace(criteria, brands=frozenset(draw.sample(range(1, 8), 2)))
    if draw.random() < 0.3:
        criteria = replace(criteria, in_stock=True)
    if draw.random() < 0.3:
        criteria = replace(criteria, price=Range(Decimal(draw.randint(1, 9)), Decimal(draw.randint(8, 20))))
    if draw.random() < 0.3:
        condition = AttributeCondition(1, values=frozenset(draw.sample([100, 101, 102, 103], 2)))
        criteria = replace(criteria, attributes=(condition,))
    return criteria


def matches(product: Document, criteria: SearchCriteria) -> bool:
    low, high = criteria.price.low, criteria.price.high
    return (
        (criteria.brands is None or product["brand"] in criteria.brands)
        and (criteria.in_stock is None or product["in_stock"] == criteria.in_stock)
        and (low is None or high is None or low * 100 <= product["price"] <= high * 100)
        and all(any(code(Tag.VALUE, v) in product["values"] for v in c.values or ()) for c in criteria.attributes)
    )


def units(documents: list[Document], criteria: SearchCriteria) -> list[list[Document]]:
    """What is counted, with its matching products."""
    products: dict[int, list[Document]] = defaultdict(list)
    for each in documents:
        if matches(each, criteria):
            products[each["group" if criteria.grouped else "id"]].append(each)
    return [*products.values()]


def check_counts(index: Reading, documents: list[Document], criteria: SearchCriteria) -> None:
    kind = grouped_counts.GroupedFacetCounts if criteria.grouped else facet_counts.ClusterFacetCounts
    counts = kind(index, criteria, None, FACETS)

    def wanted(facet: str) -> tuple[SearchCriteria, list[list[Document]]]:
        own = without_own_filter(criteria, facet)
        return own, units(documents, own)

    own, of = wanted("categories")
    assert counts.by_category(own) == Counter(tuple(sorted({each["category"] for each in unit})) for unit in of)
    own, of = wanted("brands")
    assert counts.by_brand(own) == Counter(brand for unit in of for brand in {each["brand"] for each in unit})
    own, of = wanted("ratings")
    assert counts.by_rating(own) == [sum(any(e["rating_low"] >= stars for e in unit) for unit in of) for stars in STARS]
    own, of = wanted("in_stock")
    assert counts.in_stock(own) == sum(any(each["in_stock"] for each in unit) for unit in of)
    own, of = wanted("on_sale")
    assert counts.on_sale(own) == sum(any(each["on_sale"] for each in unit) for unit in of)
    own, of = wanted("price")
    prices = sorted(each["price"] for unit in of for each in unit)
    span = (Decimal(prices[0]).scaleb(-2), Decimal(prices[-1]).scaleb(-2)) if prices else None
    assert counts.price_span(own) == span
    for bounds in ([Decimal(5), Decimal(10)], [Decimal(3), Decimal("7.77")], []):
        cells = [{bisect_right(bounds, Decimal(each["price"]).scaleb(-2)) for each in unit} for unit in of]
        assert counts.by_price(own, bounds) == [sum(n in some for some in cells) for n in range(len(bounds) + 1)]
    check_attributes(counts.by_attribute(criteria), units(documents, criteria))
    everything = replace(criteria, grouped=True)
    assert count_groups(index, filters(criteria)) == len(units(documents, everything))


def check_attributes(counts: AttributeCounts, of: list[list[Document]]) -> None:
    codes = Counter(number for unit in of for number in {number for each in unit for number in each["values"]})
    values = {value: count for by_value in counts.values.values() for value, count in by_value.items()}
    assert values == {number // 8: count for number, count in codes.items() if number % 8 == Tag.VALUE}
    pairs = ((value, codes[code(Tag.YES if value else Tag.NO, BOOLEAN)]) for value in (False, True))
    assert counts.booleans == {(BOOLEAN, value): count for value, count in pairs if count}
    attributes = Counter(key for unit in of for key in {key for each in unit for key in each["attributes"]})
    assert counts.attributes == attributes


def check_pages(index: Reading, documents: list[Document], criteria: SearchCriteria, size: int) -> None:
    for field, descending in (("price", False), ("quantity", True), ("rating_low", True)):
        firsts = [
            sorted(((e[field], e["id"]) for e in unit), reverse=descending)[0] for unit in units(documents, criteria)
        ]
        wanted = [pk for _, pk in sorted(firsts, reverse=descending)]
        for backward in (False, True):
            ids: list[int] = []
            position: Position | None = None
            while True:
                page = Page(size, backward, position)
                read = first_positions(index, filters(criteria), field, descending=descending, page=page)
                ids += [row.id for row in read[:size]]
                if len(read) <= size:
                    break
                position = read[size - 1]
            assert ids == (wanted[::-1] if backward else wanted), (field, backward)


@pytest.mark.parametrize(("number", "num_groups"), [(0, 1), (3, 1), (400, 3), (600, 150)])
def test_they_are_those_of_a_plain_model(
    name: str, number: int, num_groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(number)
    documents = fill(name, draw, number, num_groups)
    for grouped in (False, True, False, True):
        check_counts(reading(name), documents, any_criteria(draw, grouped=grouped))
    check_pages(reading(name), documents, any_criteria(draw, grouped=True), 30)
    # In slices, as a large catalogue.
    monkeypatch.setattr(grouped_counts, "MAX_SLICE", 70)
    check_counts(reading(name), documents, any_criteria(draw, grouped=True))


def test_a_field_of_more_values_than_an_aggregation_counts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = fill(name, random.Random(1), 300, 50)
    few = {"values": {"terms": {"field": "values", "size": 5, "shard_size": 5}}}
    monkeypatch.setitem(facet_counts.AGGREGATIONS, "attributes", few)
    check_counts(reading(name), documents, SearchCriteria())


@pytest.mark.parametrize("grouped", [False, True])
def test_an_index_of_which_a_shard_is_missing_counts_nothing(name: str, grouped: bool) -> None:
    body = index_body({})
    body["settings"] |= {"number_of_shards": 40, "routing.allocation.total_shards_per_node": 1, "number_of_replicas": 0}
    client().request("PUT", f"/{name}", body, wait_for_active_shards="0")
    criteria = SearchCriteria(grouped=grouped)
    kind = grouped_counts.GroupedFacetCounts if grouped else facet_counts.ClusterFacetCounts
    with pytest.raises(ClusterFailed):
        kind(reading(name), criteria, None, FACETS).by_brand(criteria)
    with pytest.raises(ClusterFailed):
        count_groups(reading(name), [])
    with pytest.raises(ClusterFailed):
        first_positions(reading(name), [], "price", descending=False, page=Page(10))
