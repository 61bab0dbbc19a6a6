"""Products with attributes and groups for tests, written as services write them."""

from decimal import Decimal
from typing import Any

from django.db import transaction

from catalog.attributes import writing
from catalog.attributes.writing import AttributeInput
from catalog.models import Product, ProductGroup
from catalog.slugs import slug_of
from catalog.tests.factories import ProductFactory


def given(attributes: dict[str, Any]) -> list[AttributeInput]:
    """Attributes by name: texts, lists of texts, numbers (with a unit as a pair) and booleans."""
    inputs = []
    for name, value in attributes.items():
        for one in value if isinstance(value, list) else [value]:
            number, unit = one if isinstance(one, tuple) else (one, "")
            if isinstance(one, str):
                inputs.append(AttributeInput(name, text=one))
            elif isinstance(one, bool):
                inputs.append(AttributeInput(name, boolean=one))
            else:
                inputs.append(AttributeInput(name, number=Decimal(str(number)), unit=unit))
    return inputs


def group(name: str) -> ProductGroup:
    """The group with this name, made if there is none."""
    return ProductGroup.objects.get_or_create(slug=slug_of(name), defaults={"name": name})[0]


def product(name: str, attributes: dict[str, Any], *, of: str | None = None, **fields: Any) -> Product:
    """A product with these attributes, in the group with the name `of`."""
    with transaction.atomic():
        made: Product = ProductFactory(name=name, group=group(of) if of else None, **fields)
        resolved = writing.resolve({made.pk: given(attributes)})
        assert not resolved.errors
        writing.write_rows(resolved.rows)
        writing.write_options_keys([made.pk])
    return made
