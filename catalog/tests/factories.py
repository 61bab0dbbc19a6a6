"""Categories, brands and products for tests."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import factory

from catalog.models import Brand, Category, Product
from catalog.slugs import slug_of


class CategoryFactory(factory.django.DjangoModelFactory):
    """A root category, unless a parent is given."""

    name = factory.Sequence(lambda n: f"Category {n}")
    slug = factory.LazyAttribute(lambda category: slug_of(category.name))

    class Meta:
        model = Category


class BrandFactory(factory.django.DjangoModelFactory):
    """A brand."""

    name = factory.Sequence(lambda n: f"Brand {n}")
    slug = factory.LazyAttribute(lambda brand: slug_of(brand.name))

    class Meta:
        model = Brand


class ProductFactory(factory.django.DjangoModelFactory):
    """An active product in stock, in a category and of a brand of its own unless given."""

    name = factory.Sequence(lambda n: f"Product {n}")
    slug = factory.LazyAttributeSequence(lambda product, n: f"{slug_of(product.name) or 'product'}-{n}")
    category = factory.SubFactory(CategoryFactory)
    brand = factory.SubFactory(BrandFactory)
    price = Decimal("10.00")
    quantity = 5

    class Meta:
        model = Product


def created(built: Iterable[Any]) -> list[Any]:
    """The built rows of one model, in the database: many for two queries, and without a record for the index."""
    rows = list(built)
    for row in rows:
        if isinstance(row, Product):
            row.fill_keys()
    type(rows[0]).objects.bulk_create(rows)
    # Read again: not every database tells the ids.
    return list(type(rows[0]).objects.filter(slug__in=[row.slug for row in rows]).order_by("pk"))
