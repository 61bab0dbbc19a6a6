"""Reads the rows that the index shows: products with their attributes, and which products a change affects."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from catalog.attributes.models import Attribute, AttributeValue, ProductAttribute
from catalog.category_tree import CategoryTree
from catalog.models import Brand, Category, Product
from catalog.search.attribute_codes import Held
from catalog.search.documents import BRAND, CATEGORY, COLUMNS, Documents, ProductRow

CHUNK_ROWS = 2_000
MODELS: dict[str, type[Brand] | type[Category]] = {BRAND: Brand, CATEGORY: Category}
# Changes of these have no documents of their own.
ATTRIBUTE, VALUE = Attribute.change_kind, AttributeValue.change_kind


def chunks(keys: Iterable[int], size: int = CHUNK_ROWS) -> Iterator[list[int]]:
    """The keys in order, `size` at a time."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def documents() -> Documents:
    """A maker of documents with the current categories, brands and attributes. Makes three queries."""
    brands = dict(Brand.objects.order_by().values_list("id", "name"))
    return Documents(CategoryTree.load(), brands, Attribute.objects.order_by())


def learn_values(maker: Documents, rows: Iterable[ProductRow]) -> None:
    """Reads the texts of attributes' values that the maker of documents needs for the rows and does not know."""
    for keys in chunks(maker.unknown_values(rows)):
        maker.learn(dict(AttributeValue.objects.filter(pk__in=keys).order_by().values_list("id", "text")))


def product_rows(keys: Sequence[int]) -> list[ProductRow]:
    """The active products with these keys, in the order of ids."""
    rows = Product.objects.filter(pk__in=keys, is_active=True).order_by("id")
    return _with_attributes(rows.values_list(*COLUMNS), ProductAttribute.objects.filter(product__in=keys))


def all_product_rows() -> Iterator[list[ProductRow]]:
    """All active products by id, in chunks. Products that change in the meantime are recorded and applied again."""
    products = Product.objects.filter(is_active=True).order_by("id").values_list(*COLUMNS)
    last = 0
    while rows := list(products.filter(pk__gt=last)[:CHUNK_ROWS]):
        attributes = ProductAttribute.objects.filter(product__gt=last, product__lte=rows[-1][0])
        yield _with_attributes(rows, attributes)
        last = rows[-1][0]


def _with_attributes(rows: Iterable[tuple[Any, ...]], attributes: QuerySet[ProductAttribute]) -> list[ProductRow]:
    by_product: dict[int, list[Held]] = {}
    columns = ("product_id", "attribute_id", "value_id", "number", "boolean")
    for product, *held in attributes.order_by("product_id", "attribute_id", "slot").values_list(*columns):
        by_product.setdefault(product, []).append(Held(*held))
    return [ProductRow._make((*row, tuple(by_product.get(row[0], ())))) for row in rows]


def affected(kind: str, keys: Sequence[int], *, after: int = 0, until: int | None = None) -> QuerySet[Any, int]:
    """The ids, unordered, of products that show one of these brands, attributes, values, or categories in their path.

    Of those only with an id above `after`, and up to `until`.
    """
    if kind in MODELS:
        if kind == CATEGORY:
            keys = sorted(CategoryTree.load().subtree(keys))
        products = Product.objects.filter(**{f"{kind}__in": keys}, is_active=True).order_by()
        return _between(products, "id", after, until)
    held = ProductAttribute.objects.filter(**{f"{kind}__in": keys}).order_by()
    return _between(held, "product_id", after, until)


def _between(rows: QuerySet[Any], field: str, after: int, until: int | None) -> QuerySet[Any, int]:
    if after:
        rows = rows.filter(**{f"{field}__gt": after})
    if until is not None:
        rows = rows.filter(**{f"{field}__lte": until})
    return rows.values_list(field, flat=True)


def end_of_window(after: int, size: int) -> int | None:
    """The id of the product that is so many after this one; None when there are fewer."""
    return next(
        iter(Product.objects.filter(pk__gt=after).order_by("id").values_list("id", flat=True)[size - 1 : size]), None
    )
