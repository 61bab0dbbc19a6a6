"""Gives demo products their attributes and groups."""

from collections.abc import Collection

from django.db.models import Q

from catalog.attributes.models import Attribute, ProductGroup
from catalog.attributes.writing import resolve, taken_options, write_options_keys, write_rows
from catalog.demo.generator import DemoAttribute, DemoCatalogue, DemoProduct
from catalog.models import Product
from catalog.slugs import slug_of


def add_attributes(catalogue: DemoCatalogue) -> int:
    """Gives each demo product that has neither attributes nor a group its own. Returns how many were given some.

    Where the shop has an attribute of another kind or unit, or another product with the same options in the group, the
    product is left as it is.
    """
    by_key = {key: product for product in catalogue.products for key in (product.slug, product.sku) if key}
    rows = Product.objects.filter(Q(slug__in=by_key) | Q(sku__in=by_key), group=None, attribute_rows=None)
    products = {row: by_key.get(row.slug) or by_key[row.sku or ""] for row in rows.only("slug", "sku", "group")}
    if not products:
        return 0
    _add_missing(catalogue.attributes)
    groups = _group_ids(products.values())
    resolved = resolve({row: product.attributes for row, product in products.items()})
    with_group = {row: (groups[products[row].group], attributes) for row, attributes in resolved.rows.items()}
    refused = taken_options(with_group, ())
    wanted = {row: attributes for row, attributes in resolved.rows.items() if row not in refused}
    for row in wanted:
        row.group_id = with_group[row][0]
    Product.objects.update_each([*wanted], ["group"])
    write_rows({row.pk: attributes for row, attributes in wanted.items()})
    write_options_keys(row.pk for row in wanted)
    return len(wanted)


def _add_missing(attributes: list[DemoAttribute]) -> None:
    """Creates the attributes that the shop lacks, so that they have units and stand in the order of the file."""
    existing = {*Attribute.objects.values_list("slug", flat=True)}
    for position, attribute in enumerate(attributes, start=1):
        if (slug := slug_of(attribute.name)) not in existing:
            Attribute(name=attribute.name, slug=slug, kind=attribute.kind, unit=attribute.unit, position=position).save(
                force_insert=True
            )


def _group_ids(products: Collection[DemoProduct]) -> dict[str, int]:
    """The ids of the products' groups by name. Creates those that are missing."""
    names = {product.group: slug_of(product.group) for product in products}
    groups = ProductGroup.objects.filter(slug__in=names.values())
    existing = {*groups.values_list("slug", flat=True)}
    ProductGroup.objects.bulk_create(
        ProductGroup(name=name, slug=slug) for name, slug in names.items() if slug not in existing
    )
    ids = dict(groups.values_list("slug", "id"))
    return {name: ids[slug] for name, slug in names.items()}
