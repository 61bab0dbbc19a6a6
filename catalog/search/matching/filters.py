"""Makes queries of the filters of a search, and converts values to the form of the index and back."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.models import CENT, MAX_PRICE
from catalog.search.attribute_codes import Tag, boolean_code, code, number_path, to_fixed_point
from catalog.search.criteria import AttributeCondition, Range, SearchCriteria, SortField
from catalog.search.cursors import EPOCH, MICROSECOND, Position, Value
from catalog.search.documents import (
    ATTRIBUTE_NUMBERS,
    BRAND,
    CATEGORY,
    PRODUCT,
    VALUES,
    cents,
    name_term,
)
from catalog.search.queries import ButNot, Query, Term, all_of, any_of, one_of, with_ids
from catalog.search.queries import Range as RangeQuery

# All products and nothing else.
PRODUCTS = Term("kind", PRODUCT)
# All but products: brands and categories.
BRANDS_AND_CATEGORIES = one_of("kind", (BRAND, CATEGORY))


def filters(criteria: SearchCriteria) -> list[Query]:
    """The queries that a product must match, one for each filter of the search."""
    queries = [one_of(field, ids) for field, ids in criteria.choices.items()]
    queries += [_range(name, limits) for name, limits in criteria.ranges.items()]
    if criteria.in_stock is not None:
        queries.append(Term("in_stock", int(criteria.in_stock)))
    if criteria.on_sale is not None:
        queries.append(Term("on_sale", int(criteria.on_sale)))
    queries += [_attribute(condition) for condition in criteria.attributes]
    if hidden := criteria.steering.hidden:
        queries.append(ButNot(PRODUCTS, with_ids(hidden)))
    return queries


def with_codes(codes: Iterable[int]) -> Query:
    """Products that have any of these codes of attributes."""
    first, *others = codes
    if others:
        return one_of(VALUES, (first, *others))
    return Term(VALUES, first)


def _attribute(condition: AttributeCondition) -> Query:
    if condition.booleans is not None:
        return with_codes(boolean_code(condition.attribute, value) for value in condition.booleans)
    if condition.numbers is None:
        return with_codes(code(Tag.VALUE, value) for value in condition.values or ())
    ends = (condition.numbers.low, condition.numbers.high)
    low, high = (None if end is None else to_fixed_point(end) for end in ends)
    return RangeQuery(f"{ATTRIBUTE_NUMBERS}.{number_path(condition.attribute)}", low, high)


def _range(name: str, limits: Range[Any]) -> Query:
    low, high = ends_of(limits)
    if name == "rating":
        # Unrated products have a stored key below 0, so no range of ratings includes them.
        return RangeQuery("rating_low", float(low or 0), None if high is None else float(high))
    return RangeQuery(name, low, high)


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


def before(field: str, position: Position, *, descending: bool, inclusive: bool) -> Query:
    """Rows that come before the position by (field, id); with `inclusive` also the row there."""
    value = to_index(position.value)
    ids = RangeQuery("id", *beyond(position.id, not descending), open_ends=not inclusive)
    nearer = RangeQuery(field, *beyond(value, not descending), open_ends=True)
    return any_of([nearer, all_of([equal(field, value), ids])])


def beyond(value: Any, down: bool) -> tuple[Any, Any]:
    """The ends of the range after a value, in the direction of the sort."""
    return (None, value) if down else (value, None)


def equal(field: str, value: Any) -> Query:
    # The time of creation is not indexed.
    return RangeQuery(field, value, value) if field == "created" else Term(field, value)


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
