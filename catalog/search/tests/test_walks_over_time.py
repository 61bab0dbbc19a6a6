"""Pages of one walk while products come, go, change and move between groups: each is what the plain model says then."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from catalog.attributes.writing import AttributeInput
from catalog.models import Product, ProductGroup
from catalog.search.tests.both_apis import PRODUCTS, variables
from catalog.search.tests.catalogues import (
    NUM_GROUPS,
    IndexTestCase,
    Row,
    any_search,
    fill,
    give,
    loaded,
    patient,
    rows,
)
from catalog.search.tests.oracle import Search, firsts, in_order, matching
from core.tests.clients import Api
from core.tests.examples import examples

Change = Callable[[Product], None]


def given_again(product: Product) -> list[AttributeInput]:
    """What a product has, as it would be given."""
    return [
        AttributeInput(
            row.attribute.slug, text=row.value.text if row.value else None, number=row.number, boolean=row.boolean
        )
        for row in product.attribute_rows.select_related("attribute", "value")
    ]


def archive_or_bring_back(product: Product) -> None:
    product.is_active = not product.is_active
    product.save()


def move_to_another_group(product: Product) -> None:
    slug = f"group-{product.pk % NUM_GROUPS}"
    product.group = None if product.group and product.group.slug == slug else ProductGroup.objects.get(slug=slug)
    product.options_key = None
    product.save()
    give({product.pk: given_again(product)})


def change_what_is_sorted_by(product: Product) -> None:
    product.name, product.price, product.quantity = f"A{product.name}", Decimal("10.01"), product.quantity // 2
    product.rating = 3.3 if product.rating is None else None
    product.created_at += timedelta(microseconds=1)
    product.save()


def delete(product: Product) -> None:
    product.delete()


def swap_values(product: Product) -> None:
    give({product.pk: given_again(product)[1:]})


CHANGES: list[Change] = [
    archive_or_bring_back,
    move_to_another_group,
    change_what_is_sorted_by,
    delete,
    swap_values,
]
# A change of the product at this place, or a new product.
changes = st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 15)) | rows, max_size=3)


def apply(change: tuple[Change, int] | Row, number: int) -> None:
    """Makes the change, if there is a product to change."""
    if isinstance(change, Row):
        fields = change.fields | {"slug": f"new-{number}", "sku": None}
        other = Product.objects.first()
        if other is None:
            return
        group = None if change.group is None else ProductGroup.objects.get(slug=f"group-{change.group}")
        product = Product.objects.create(**fields, category=other.category, brand=other.brand, group=group)
        give({product.pk: change.attributes})
        return
    act, place = change
    products = [*Product.objects.order_by("id")]
    if products:
        act(products[place % len(products)])


def is_behind(product: Product, position: Product, search: Search, *, backward: bool) -> bool:
    """Whether the product comes after the position, or before it, as the position was when its cursor was given."""
    # Of equals, sorting leaves the first one first: the position itself is never behind.
    pair = [position, product] if backward else [product, position]
    return in_order(pair, search)[0 if backward else 1] is product


class Walks:
    """Tests for each engine, without a text: the words of one may count otherwise once other products have them."""

    @settings(patient, max_examples=examples(60))
    @given(
        drawn_rows=st.lists(rows, min_size=4, max_size=16),
        search=any_search(with_text=False),
        size=st.integers(1, 4),
        backward=st.booleans(),
        changed=st.lists(changes, min_size=1, max_size=8),
    )
    def test_each_page_is_what_is_behind_its_cursor(
        self, drawn_rows: list[Row], search: Search, size: int, backward: bool, changed: list[list[Any]]
    ) -> None:
        fill(drawn_rows)
        api = Api(get_user_model().objects.create_user("shopper@example.com"))
        position: Product | None = None
        cursor: dict[str, str] = {}
        for turn, some in enumerate([*changed, []]):
            products = loaded()
            tiles = in_order(matching(products, search), search)
            tiles = firsts(tiles) if search.grouped else tiles
            page = api.graphql(PRODUCTS, **variables(search), **{"last" if backward else "first": size}, **cursor)
            page = page["products"]
            assert page["totalCount"] == len(tiles)
            wanted = [
                each for each in tiles if position is None or is_behind(each, position, search, backward=backward)
            ]
            shown = wanted[-size:] if backward else wanted[:size]
            assert [edge["node"]["slug"] for edge in page["edges"]] == [each.slug for each in shown]
            info = page["pageInfo"]
            assert info["hasPreviousPage" if backward else "hasNextPage"] == (len(wanted) > size)
            if shown:
                position = shown[0 if backward else -1]
                cursor = {"before": info["startCursor"]} if backward else {"after": info["endCursor"]}
            for number, change in enumerate(some):
                apply(change, 10 * turn + number)


@pytest.mark.usefixtures("_patient_hashing")
class TestInTheDatabase(Walks, TestCase):
    """Walks on the database engine."""


@pytest.mark.usefixtures("_patient_hashing", "index")
class TestOnTheIndex(Walks, IndexTestCase):
    """Walks on the embedded engine."""
