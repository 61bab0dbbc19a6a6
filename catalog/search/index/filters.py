"""The filters of a search as Tantivy queries, and values as the index holds them."""

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
# All products and nothing else.
PRODUCTS = Query.term_query(SCHEMA, "kind", PRODUCT)
# All else: brands and categories.
BRANDS_AND_CATEGORIES = Query.term_set_query(SCHEMA, "kind", [BRAND, CATEGORY])


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
    """The queries that a product must match, all of them; none for a filter that was not asked for."""
    queries = [Query.term_set_query(SCHEMA, field, sorted(ids)) for field, ids in criteria.choices.items()]
    queries += [_range(name, limits) for name, limits in criteria.ranges.items()]
    if criteria.in_stock is not None:
        queries.append(Query.term_query(SCHEMA, "stock", "in" if criteria.in_stock else "out"))
    return queries


def _range(name: str, limits: Range[Any]) -> Query:
    low, high = (None if end is None else to_index(end) for end in (limits.low, limits.high))
    if name == "rating":
        # Unrated products have a stored key below 0, and no range of ratings holds them.
        return within("rating_low", float(low or 0), None if high is None else float(high))
    return within(name, low, high)


def sort_field(criteria: SearchCriteria) -> str:
    """The field that the sort goes by."""
    if criteria.sort is SortField.RATING:
        return "rating_low" if criteria.descending else "rating_high"
    return {
        SortField.NAME: "name_key",
        SortField.PRICE: "price",
        SortField.QUANTITY: "quantity",
        SortField.CREATED_AT: "created",
    }[criteria.sort]


def to_index(value: Value) -> Any:
    """A sort value, or the end of a range, as the index holds it."""
    if isinstance(value, str):
        return name_term(value)
    if isinstance(value, Decimal):
        # A forged cursor may hold any number; none beyond these sorts differently.
        return cents(min(max(value, -CENT), MAX_PRICE + CENT))
    if isinstance(value, datetime):
        return (value - EPOCH) // MICROSECOND
    # There is no minus zero in the index.
    return value + 0.0 if isinstance(value, float) else value


def from_index(field: str, value: Any) -> Value:
    """A sort value as cursors carry it, the same that the database engine puts there."""
    if field == "name_key":
        return bytes.fromhex(value[1:]).decode()
    if field == "price":
        return price_of(value)
    result: Value = EPOCH + value * MICROSECOND if field == "created" else value
    return result


def price_of(value: float) -> Decimal:
    """A number of cents as a price with its two decimals."""
    return Decimal(int(value)).scaleb(-2).quantize(CENT)
