"""Attributes, groups and their facets on both engines, beside plain Python."""

import random
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

import pytest

from catalog.attributes.models import ProductGroup
from catalog.attributes.writing import AttributeInput, resolve, write_options_keys, write_rows
from catalog.category_tree import CategoryTree
from catalog.models import Attribute, AttributeKind, Product
from catalog.search.criteria import AttributeCondition, Range, SearchCriteria, SortField
from catalog.search.engine import ResolvedSearch, engine
from catalog.search.pages import Page
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("each_engine")]
SIZES, COLOURS = ["S", "M", "L", "XL"], ["red", "blue", "Off White", "ecru"]


class Shop:
    """Products with attributes in groups, and what a search among them must answer."""

    def __init__(self, seed: int, size: int = 60) -> None:
        pick = random.Random(seed)
        root = CategoryFactory()
        categories = [CategoryFactory(parent=root), CategoryFactory(parent=root), CategoryFactory()]
        brands = [BrandFactory(), BrandFactory()]
        groups = [ProductGroup.objects.create(name=f"group {n}", slug=f"group-{n}") for n in range(size // 6)]
        self.inputs: dict[int, list[AttributeInput]] = {}
        products = {}
        for _ in range(size):
            price = Decimal(pick.choice([5, 10, 10, 20, 35, 80]))
            product = ProductFactory(
                category=pick.choice(categories),
                brand=pick.choice(brands),
                price=price,
                compare_at_price=pick.choice([None, None, price + 1]),
                quantity=pick.choice([0, 0, 3, 8]),
                rating=pick.choice([None, 1.5, 3, 4.5]),
                is_active=pick.random() > 0.1,
                group=pick.choice([*groups, *groups, None]),
            )
            products[product.pk] = product
            inputs = [AttributeInput("Serial", number=Decimal(product.pk) / 4)]
            inputs += [AttributeInput("Colour", text=text) for text in pick.sample(COLOURS, pick.choice([0, 1, 1, 2]))]
            inputs += [AttributeInput("Size", text=pick.choice(SIZES))] if pick.random() > 0.3 else []
            inputs += [AttributeInput("Washable", boolean=pick.random() > 0.5)] if pick.random() > 0.4 else []
            inputs += [AttributeInput("Weight", number=Decimal(pick.randint(-3, 3)))] if pick.random() > 0.5 else []
            inputs += [AttributeInput("Tag", text=f"t{n}") for n in pick.sample(range(30), pick.choice([0, 0, 0, 20]))]
            self.inputs[product.pk] = inputs
        resolved = resolve(self.inputs)
        assert not resolved.errors
        write_rows(resolved.rows)
        write_options_keys(self.inputs)
        self.products = [product for product in products.values() if product.is_active]

    def matching(self, criteria: SearchCriteria) -> list[Product]:
        names = {row.pk: row.name for row in Attribute.objects.all()}

        def meets(product: Product, condition: AttributeCondition) -> bool:
            given = [g for g in self.inputs[product.pk] if g.attribute == names[condition.attribute]]
            if condition.values is not None:
                texts = {
                    value.text
                    for value in Attribute.objects.get(pk=condition.attribute).values.all()
                    if value.pk in condition.values
                }
                return any(g.text in texts for g in given)
            if condition.booleans is not None:
                return any(g.boolean in condition.booleans for g in given)
            assert condition.numbers is not None
            low, high = condition.numbers.low, condition.numbers.high
            return any((low is None or g.number >= low) and (high is None or g.number <= high) for g in given)  # type: ignore[operator]

        return [
            product
            for product in self.products
            if (criteria.in_stock is None or (product.quantity > 0) == criteria.in_stock)
            and (criteria.on_sale is None or (product.compare_at_price is not None) == criteria.on_sale)
            and (criteria.brands is None or product.brand_id in criteria.brands)
            and (criteria.price.high is None or product.price <= criteria.price.high)
            and all(meets(product, condition) for condition in criteria.attributes)
        ]

    def listed(self, criteria: SearchCriteria) -> list[int]:
        """The ids that the search lists, in its order."""
        keys = {
            SortField.PRICE: lambda p: (p.price, p.pk),
            SortField.QUANTITY: lambda p: (p.quantity, p.pk),
            SortField.CREATED_AT: lambda p: (p.created_at, p.pk),
            SortField.NAME: lambda p: (p.name_key, p.pk),
        }
        in_order = sorted(self.matching(criteria), key=keys[criteria.sort], reverse=criteria.descending)
        first: dict[object, int] = {}
        for product in in_order:
            first.setdefault(self.key(product, criteria), product.pk)
        return [*first.values()]

    @staticmethod
    def key(product: Product, criteria: SearchCriteria) -> object:
        return product.group_id if criteria.grouped and product.group_id else -product.pk


def pages(search: ResolvedSearch, size: int, *, backward: bool) -> Iterator[int]:
    page = Page(size, backward)
    while True:
        hits = search.page(page)
        yield from reversed(hits.ids) if backward else hits.ids
        if not (hits.has_previous if backward else hits.has_next):
            return
        page = Page(size, backward, hits.positions[0 if backward else -1])


def criteria_of(pick: random.Random) -> SearchCriteria:
    def of(name: str) -> Attribute:
        return Attribute.objects.get(name=name)

    conditions = []
    if pick.random() > 0.6:
        values = [*of("Colour").values.all()]
        conditions.append(AttributeCondition(of("Colour").pk, values=frozenset(v.pk for v in pick.sample(values, 2))))
    if pick.random() > 0.7:
        conditions.append(
            AttributeCondition(of("Size").pk, values=frozenset([pick.choice([*of("Size").values.all()]).pk]))
        )
    if pick.random() > 0.7:
        conditions.append(AttributeCondition(of("Washable").pk, booleans=frozenset([pick.random() > 0.5])))
    if pick.random() > 0.7:
        low = pick.choice([None, Decimal(-2), Decimal(0)])
        high = pick.choice([Decimal(1), None]) if low is not None else Decimal(0)
        conditions.append(AttributeCondition(of("Weight").pk, numbers=Range(low, high)))
    brands = frozenset([Product.objects.first().brand_id]) if pick.random() > 0.8 else None  # type: ignore[union-attr]
    return SearchCriteria(
        attributes=tuple(sorted(conditions, key=lambda condition: condition.attribute)),
        brands=brands,
        price=Range(None, pick.choice([None, Decimal(20)])),
        in_stock=pick.choice([None, None, True, False]),
        on_sale=pick.choice([None, None, True]),
        grouped=pick.random() > 0.3,
        sort=pick.choice([SortField.PRICE, SortField.QUANTITY, SortField.CREATED_AT, SortField.NAME]),
        descending=pick.random() > 0.5,
    )


@pytest.mark.parametrize("seed", range(3))
def test_pages_totals_and_facets_equal_those_of_plain_python(seed: int) -> None:
    shop, pick = Shop(seed), random.Random(seed)
    for _ in range(12):
        criteria = criteria_of(pick)
        expected = shop.listed(criteria)
        search = engine().resolve(criteria)
        size = pick.randint(1, 12)
        assert [*pages(search, size, backward=False)] == expected
        assert [*pages(search, size, backward=True)] == expected[::-1]
        assert search.total() == len(expected)
        check_facets(shop, criteria)


def check_facets(shop: Shop, criteria: SearchCriteria) -> None:
    from dataclasses import replace

    def groups(criteria: SearchCriteria) -> dict[object, list[Product]]:
        of: dict[object, list[Product]] = defaultdict(list)
        for product in shop.matching(criteria):
            of[shop.key(product, criteria)].append(product)
        return of

    facets = engine().resolve(criteria).facets(CategoryTree.load)
    without_stock, without_sale = replace(criteria, in_stock=None), replace(criteria, on_sale=None)
    assert facets.in_stock() == sum(any(p.quantity for p in ps) for ps in groups(without_stock).values())
    assert facets.on_sale() == sum(any(p.compare_at_price for p in ps) for ps in groups(without_sale).values())
    for stars, count, _ in facets.ratings():
        assert count == sum(any((p.rating or 0) >= stars for p in ps) for ps in groups(criteria).values())
    tree = CategoryTree.load()
    for category, count, _ in facets.categories():
        subtree = tree.subtree([category.pk])
        assert count == sum(any(p.category_id in subtree for p in ps) for ps in groups(criteria).values())
    for brand, count, _ in facets.brands():
        of = groups(replace(criteria, brands=None))
        assert count == sum(any(p.brand_id == brand.pk for p in ps) for ps in of.values())
    of = groups(replace(criteria, price=Range()))
    for prices in facets.price().ranges:
        low, high = prices.low or Decimal(0), prices.high or Decimal(10**9)
        assert prices.count == sum(any(low <= p.price <= high for p in ps) for ps in of.values())
    found = facets.attributes(first=100, values=100)
    for facet in found:
        of = groups(criteria.without_conditions(facet.attribute.pk))
        given = [
            [g for p in ps for g in shop.inputs[p.pk] if g.attribute == facet.attribute.name] for ps in of.values()
        ]
        if facet.attribute.kind == AttributeKind.NUMBER:
            numbers = [g.number for gs in given for g in gs if g.number is not None]
            assert (facet.low, facet.high) == ((min(numbers), max(numbers)) if numbers else (None, None))
            continue
        counts: dict[str, int] = defaultdict(int)
        for gs in given:
            for text in {g.text if g.text is not None else str(g.boolean).lower() for g in gs}:
                counts[text] += 1
        assert {v.value: v.count for v in facet.values if v.count} == counts
    having = {
        facet.attribute.name: sum(
            any(g.attribute == facet.attribute.name for p in ps for g in shop.inputs[p.pk])
            for ps in groups(criteria).values()
        )
        for facet in found
    }
    in_order = [having[facet.attribute.name] for facet in found if not facet.selected]
    assert in_order == sorted(in_order, reverse=True)
    assert [facet.selected for facet in found] == sorted((facet.selected for facet in found), reverse=True)
