"""The structured half of a question as Tantivy queries, and values as the index holds them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from tantivy import FieldType, Query

from catalog.models import CENT, MAX_PRICE
from catalog.search.criteria import Range, SearchCriteria, SortField
from catalog.search.cursors import EPOCH, MICROSECOND, Value
from catalog.search.index.documents import BRAND, CATEGORY, PRODUCT, SCHEMA, cents, name_term

TYPES = {
    "id": FieldType.Unsigned,
    "price": FieldType.Integer,
    "quantity": FieldType.Integer,
    "created": FieldType.Integer,
    "rating_low": FieldType.Float,
    "rating_high": FieldType.Float,
}
# Every product and nothing else.
PRODUCTS = Query.term_query(SCHEMA, "kind", PRODUCT)
# And all else: brands and categories.
OTHERS = Query.term_set_query(SCHEMA, "kind", [BRAND, CATEGORY])


def within(field: str, low: Any, high: Any, *, open_ends: bool = False) -> Query:
    """From `low` to `high`, as the index holds them, both inclusive unless `open_ends`; None: no such end."""
    return Query.range_query(
        SCHEMA,
        field,
        TYPES[field],
        low,
        high,
        include_lower=low is None or not open_ends,
        include_upper=high is None or not open_ends,
    )


def filters(criteria: SearchCriteria) -> list[Query]:
    """What the products must be, all of it; no query for what was not asked."""
    found = [
        Query.term_set_query(SCHEMA, field, sorted(keys))
        for field, keys in (("id", criteria.ids), ("category", criteria.category_subtree), ("brand", criteria.brands))
        if keys is not None
    ]
    found += _range("price", criteria.price)
    found += _range("quantity", criteria.quantity)
    found += _range("created", criteria.created)
    if criteria.rating != Range():
        # Unrated products have a stored key below 0: no range of ratings holds them.
        low = criteria.rating.low or 0.0
        found.append(
            within("rating_low", low + 0.0, None if criteria.rating.high is None else criteria.rating.high + 0.0)
        )
    if criteria.in_stock is not None:
        found.append(Query.term_query(SCHEMA, "stock", "in" if criteria.in_stock else "out"))
    return found


def _range(field: str, asked: Range[Any]) -> list[Query]:
    if asked == Range():
        return []
    low, high = (None if end is None else to_index(field, end) for end in (asked.low, asked.high))
    return [within(field, low, high)]


def sort_column(criteria: SearchCriteria) -> str:
    """The field that the sort goes by."""
    if criteria.sort is SortField.RATING:
        return "rating_low" if criteria.descending else "rating_high"
    return {
        SortField.NAME: "name_key",
        SortField.PRICE: "price",
        SortField.QUANTITY: "quantity",
        SortField.CREATED_AT: "created",
    }[criteria.sort]


def to_index(field: str, value: Value) -> Any:
    """A sort value or a range's end as the index holds it."""
    if isinstance(value, str):
        return name_term(value)
    if isinstance(value, Decimal):
        # A forged cursor may hold any number; none beyond these sorts differently.
        return cents(min(max(value, -CENT), MAX_PRICE + CENT))
    if isinstance(value, datetime):
        return (value - EPOCH) // MICROSECOND
    return value + 0.0 if isinstance(value, float) else value


def from_index(field: str, value: Any) -> Value:
    """A sort value as cursors carry it, the same that the database engine puts there."""
    if field == "name_key":
        return bytes.fromhex(value[1:]).decode()
    if field == "price":
        return price_of(value)
    return EPOCH + value * MICROSECOND if field == "created" else value


def price_of(value: float) -> Decimal:
    """A number of cents as a price with its two decimals."""
    return Decimal(int(value)).scaleb(-2).quantize(CENT)
