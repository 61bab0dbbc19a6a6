"""Makes Tantivy queries of the filters of a search, and converts values to the form of the index and back."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import tantivy
from tantivy import FieldType, Query

from catalog.models import CENT, MAX_PRICE
from catalog.search.criteria import AttributeCondition, Range, SearchCriteria, SortField
from catalog.search.cursors import EPOCH, MICROSECOND, Value
from catalog.search.index.attribute_codes import Tag, boolean_code, code, number_path, to_fixed_point
from catalog.search.index.documents import (
    ATTRIBUTE_NUMBERS,
    BRAND,
    CATEGORY,
    PRODUCT,
    SCHEMA,
    VALUES,
    cents,
    name_term,
)
from catalog.search.index.terms import but_not, one_of, with_ids

TYPES = {
    "id": FieldType.Unsigned,
    "group": FieldType.Unsigned,
    "price": FieldType.Integer,
    "quantity": FieldType.Integer,
    "created": FieldType.Integer,
    "rating_low": FieldType.Float,
    "rating_high": FieldType.Float,
}
# All products and nothing else.
PRODUCTS = Query.term_query(SCHEMA, "kind", PRODUCT)
# tantivy-py has ranges of numbers within JSON in its query language only, which needs an index of the schema.
_PARSER = tantivy.Index(SCHEMA)
# All but products: brands and categories.
BRANDS_AND_CATEGORIES = Query.term_set_query(SCHEMA, "kind", [BRAND, CATEGORY])


def within(field: str, low: Any, high: Any, *, open_ends: bool = False) -> Query:
    """Values from `low` to `high`, in the form of the index; None is no limit. Includes the ends unless `open_ends`."""
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
    """The queries that a product must match, one for each filter of the search."""
    queries = [one_of(field, ids) for field, ids in criteria.choices.items()]
    queries += [_range(name, limits) for name, limits in criteria.ranges.items()]
    if criteria.in_stock is not None:
        queries.append(Query.term_query(SCHEMA, "in_stock", int(criteria.in_stock)))
    if criteria.on_sale is not None:
        queries.append(Query.term_query(SCHEMA, "on_sale", int(criteria.on_sale)))
    queries += [_attribute(condition) for condition in criteria.attributes]
    if hidden := criteria.steering.hidden:
        queries.append(but_not(PRODUCTS, with_ids(hidden)))
    return queries


def with_codes(codes: Iterable[int]) -> Query:
    """Products that have any of these codes of attributes."""
    first, *others = codes
    if others:
        return one_of(VALUES, (first, *others))
    return Query.term_query(SCHEMA, VALUES, first)


def _attribute(condition: AttributeCondition) -> Query:
    if condition.booleans is not None:
        return with_codes(boolean_code(condition.attribute, value) for value in condition.booleans)
    if condition.numbers is None:
        return with_codes(code(Tag.VALUE, value) for value in condition.values or ())
    ends = (condition.numbers.low, condition.numbers.high)
    low, high = ("*" if end is None else to_fixed_point(end) for end in ends)
    return _PARSER.parse_query(f"{ATTRIBUTE_NUMBERS}.{number_path(condition.attribute)}:[{low} TO {high}]")


def _range(name: str, limits: Range[Any]) -> Query:
    low, high = ends_of(limits)
    if name == "rating":
        # Unrated products have a stored key below 0, so no range of ratings includes them.
        return within("rating_low", float(low or 0), None if high is None else float(high))
    return within(name, low, high)


def ends_of(limits: Range[Any]) -> tuple[Any, Any]:
    """Both ends of a range in the form of the index; None is no limit."""
    low, high = (None if end is None else to_index(end) for end in (limits.low, limits.high))
    return low, high


def sort_field(criteria: SearchCriteria) -> str:
    """The field to sort by."""
    if criteria.sort is SortField.RATING:
        return "rating_low" if criteria.descending else "rating_high"
    return {
        SortField.NAME: "name_key",
        SortField.PRICE: "price",
        SortField.QUANTITY: "quantity",
        SortField.CREATED_AT: "created",
    }[criteria.sort]


def to_index(value: Value) -> Any:
    """A sort value, or the end of a range, in the form of the index."""
    if isinstance(value, str):
        return name_term(value)
    if isinstance(value, Decimal):
        # A forged cursor may have any number. Numbers beyond these bounds sort like the bounds.
        return cents(min(max(value, -CENT), MAX_PRICE + CENT))
    if isinstance(value, datetime):
        return (value - EPOCH) // MICROSECOND
    # The index has no minus zero.
    return value + 0.0 if isinstance(value, float) else value


def from_index(field: str, value: Any) -> Value:
    """A sort value in the form of cursors, which is the same for the database engine."""
    if field == "name_key":
        return bytes.fromhex(value[1:]).decode()
    if field == "price":
        return price_of(value)
    result: Value = EPOCH + value * MICROSECOND if field == "created" else value
    return result


def price_of(value: float) -> Decimal:
    """A number of cents as a price with its two decimals."""
    return Decimal(int(value)).scaleb(-2)
