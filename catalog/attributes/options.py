"""Reads the values of products, and the options of groups: the attributes in which a group's products differ."""

from collections.abc import Collection, Iterable

from django.db.models import Count

from catalog.attributes.models import Attribute, ProductAttribute
from catalog.models import Product


def values_of(product_ids: Collection[int]) -> dict[int, list[ProductAttribute]]:
    """The rows of these products with their attributes and values, in the order in which people read them."""
    rows: dict[int, list[ProductAttribute]] = {pk: [] for pk in product_ids}
    order = ("attribute__position", "attribute__name", "attribute", "value__position", "value__order_key", "value")
    stored = ProductAttribute.objects.filter(product__in=rows).select_related("attribute", "value")
    for row in stored.order_by(*order):
        rows[row.product_id].append(row)
    return rows


def options_of(group_ids: Collection[int]) -> dict[int, list[Attribute]]:
    """The options of each group, in order. Three queries, whatever the groups hold."""
    products = Product.objects.filter(group__in=group_ids).order_by()
    sizes = dict(products.values_list("group").annotate(Count("pk")))
    per_attribute = (
        ProductAttribute.objects.filter(product__group__in=group_ids)
        .order_by()
        .values("product__group", "attribute")
        .annotate(
            rows=Count("pk"),
            slots=Count("slot", distinct=True),
            numbers=Count("number", distinct=True),
            booleans=Count("boolean", distinct=True),
        )
    )
    # All products have the same values if, and only if, each value that occurs is there once for each product.
    differing = [
        (row["product__group"], row["attribute"])
        for row in per_attribute
        if row["rows"] != sizes[row["product__group"]] * row["slots"] or row["numbers"] > 1 or row["booleans"] > 1
    ]
    options: dict[int, list[Attribute]] = {pk: [] for pk in group_ids}
    attributes = Attribute.objects.in_bulk({attribute for _, attribute in differing})
    for group, attribute in differing:
        options[group].append(attributes[attribute])
    for found in options.values():
        found.sort(key=lambda attribute: (attribute.position, attribute.name, attribute.pk))
    return options


def shown(rows: Iterable[ProductAttribute], attributes: Collection[Attribute] | None = None) -> str:
    """The values as a line, such as "Colour: red, green; Width: 40 cm"; of these attributes only, if given."""
    texts: dict[Attribute, list[str]] = {}
    for row in rows:
        if attributes is None or row.attribute in attributes:
            texts.setdefault(row.attribute, []).append(row.text)
    return "; ".join(
        f"{attribute.name}: {', '.join(values)}{f' {attribute.unit}' if attribute.unit else ''}"
        for attribute, values in texts.items()
    )
