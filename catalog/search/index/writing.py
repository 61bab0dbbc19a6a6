"""Writes documents to the index, for recorded changes or for the whole catalogue. Rows are read just before."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import tantivy
from django.db.models import QuerySet
from tantivy import Query

from catalog.attributes.models import Attribute, AttributeValue, ProductAttribute
from catalog.category_tree import CategoryTree
from catalog.models import Brand, Category, Product
from catalog.search.changes import IndexChange
from catalog.search.index.attribute_codes import Held
from catalog.search.index.documents import (
    BRAND,
    CATEGORY,
    COLUMNS,
    PRODUCT,
    SCHEMA,
    Documents,
    ProductRow,
    named_document,
    named_key,
)

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


class Applier:
    """Puts rows into a writer. It reads categories and brands again when a row refers to a new one."""

    def __init__(self, writer: tantivy.IndexWriter) -> None:
        self._writer = writer
        self._documents = documents()

    def add_products(self, rows: Sequence[ProductRow]) -> None:
        """Adds the products' documents."""
        learn_values(self._documents, rows)
        if not all(self._documents.knows(row) for row in rows):
            self._documents = documents()
            learn_values(self._documents, rows)
        for row in rows:
            # If they are still unknown, the product was changed after it was read. That change is recorded too.
            if self._documents.knows(row):
                self._writer.add_document(self._documents.product(row))

    def add_named(self) -> None:
        """Adds all brands and categories."""
        for kind, model in MODELS.items():
            for row in model.objects.order_by().only("id", "name").iterator(CHUNK_ROWS):
                self._writer.add_document(named_document(kind, row))

    def _delete(self, field: str, keys: list[int]) -> None:
        # By query, because deletion by term takes every int as signed and finds nothing in an unsigned field.
        self._writer.delete_documents_by_query(Query.term_set_query(SCHEMA, field, keys))

    def replace(self, changes: Sequence[IndexChange], advance: Callable[[int], object] = lambda done: None) -> None:
        """Replaces the documents of changed rows by new ones."""
        kinds = (PRODUCT, *MODELS, ATTRIBUTE, VALUE)
        changed = {kind: {change.key for change in changes if change.kind == kind} for kind in kinds}
        for kind, model in MODELS.items():
            for keys in chunks(changed[kind]):
                self._delete("named", [named_key(kind, key) for key in keys])
                for row in model.objects.filter(pk__in=keys).only("id", "name"):
                    self._writer.add_document(named_document(kind, row))
        of_others = _products_of(changed[BRAND], changed[CATEGORY]) | _products_with(changed[ATTRIBUTE], changed[VALUE])
        for keys in chunks(changed[PRODUCT] | of_others):
            self._delete("id", keys)
            self.add_products(product_rows(keys))
            advance(len(keys))


def _products_of(brands: set[int], categories: set[int]) -> set[int]:
    """The active products that show the name of one of these brands, or of one of these categories in their path."""
    ids: set[int] = set()
    active = Product.objects.filter(is_active=True).order_by().values_list("id", flat=True)
    for keys in chunks(brands):
        ids.update(active.filter(brand__in=keys))
    for keys in chunks(CategoryTree.load().subtree(categories) if categories else ()):
        ids.update(active.filter(category__in=keys))
    return ids


def _products_with(attributes: set[int], values: set[int]) -> set[int]:
    """The products that have one of these attributes or values."""
    ids: set[int] = set()
    rows = ProductAttribute.objects.order_by().values_list("product_id", flat=True)
    for keys in chunks(values):
        ids.update(rows.filter(value__in=keys))
    for keys in chunks(attributes):
        ids.update(rows.filter(attribute__in=keys))
    return ids
