"""Reads the plain CSV format: one product a row, in columns named after the product's fields."""

from catalog.importing.rows import (
    ProductRow,
    RefusedError,
    brand_of,
    category_of,
    created_at_of,
    name_of,
    price_of,
    quantity_of,
    rating_of,
    shown,
    sku_of,
    slug_in,
)
from catalog.slugs import slug_of

COLUMNS = (
    *("name", "slug", "sku", "description", "category"),
    *("brand", "price", "quantity", "rating", "created_at"),
)
# A picture's file name, or a URL that ends with it. Only --images reads this column.
IMAGE = "image"
REQUIRED = ("name", "price")


class PlainForm:
    """Reads rows of a plain CSV with this header (names trimmed and in lower case)."""

    def __init__(self, header: list[str]) -> None:
        self.ignored = [name for name in header if name and name not in (*COLUMNS, IMAGE)]
        self._at = {name: header.index(name) for name in COLUMNS if name in header}
        self.columns = frozenset(self._at)

    def row(self, line: int, cells: list[str]) -> ProductRow:
        """The product of this row. Raises RefusedError."""
        values = {name: cells[i] for name, i in self._at.items()}
        name = name_of("name", values["name"])
        quantity = quantity_of("quantity", values.get("quantity", ""))
        if quantity < 0:
            raise RefusedError(f"quantity {shown(str(quantity))} is negative")
        return ProductRow(
            line=line,
            cells=cells,
            slug=_slug(values.get("slug", ""), name),
            name=name,
            price=price_of("price", values["price"]),
            sku=sku_of("sku", values.get("sku", "")),
            description=_description(values.get("description", "")),
            category=category_of("category", values.get("category", "")),
            brand=brand_of("brand", values.get("brand", "")),
            quantity=quantity,
            rating=rating_of("rating", values.get("rating", "")),
            created_at=created_at_of("created_at", values.get("created_at", "")),
        )


def _slug(value: str, name: str) -> str:
    if slug := value.strip():
        return slug_in("slug", slug)
    slug = slug_of(name)
    if not slug:
        raise RefusedError(f"slug is empty and none can be made of the name {shown(name)}")
    return slug_in("the slug made of the name", slug)


def _description(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n").strip()
