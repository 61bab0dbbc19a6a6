"""Validates what a request searches for: checks values, fills in defaults, and resolves slugs to ids."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.category_tree import CategoryTree
from catalog.models import CENT, MAX_PRICE, MAX_QUANTITY, Brand, Product
from catalog.search.analysis.tokens import WordKind, words_of
from catalog.search.attribute_conditions import AttributeFilter, conditions
from catalog.search.criteria import NO_STEERING, OPEN, Range, SearchCriteria, SortField
from catalog.search.steering import selectors as steering
from catalog.slugs import normal_form
from catalog.text import squeeze
from core.errors import ErrorCode, FieldError, InvalidInput
from core.parsing import UNSAFE_CHARACTERS, has_unsafe_characters

MAX_TEXT_LENGTH = 200
# White space is squeezed before characters are counted, but never that of a megabyte of text.
MAX_TYPED_LENGTH = 10 * MAX_TEXT_LENGTH
MAX_TEXT_WORDS = 50
MAX_CHOICES = 100
MAX_IDS = 1000
MAX_RATING = 5.0

Errors = Iterator[FieldError]


@dataclass(frozen=True, kw_only=True)
class SearchInput:
    """A search as a request asks for it.

    `categories` and `brands` are slugs, or with `by_name` also exact names; an empty collection is no filter. `ids` and
    `slugs` are of products; those that do not exist match nothing. With `grouped`, the first product of a group stands
    for all that match. `sort` is by default RELEVANCE with a text, else newest first. `descending` is by default best
    first for RELEVANCE, else ascending.
    """

    text: str | None = None
    ids: Collection[int] | None = None
    slugs: Collection[str] | None = None
    categories: Collection[str] | None = None
    brands: Collection[str] | None = None
    by_name: bool = False
    price: Range[Decimal] = OPEN
    quantity: Range[int] = OPEN
    rating: Range[float] = OPEN
    created: Range[datetime] = OPEN
    in_stock: bool | None = None
    on_sale: bool | None = None
    attributes: Sequence[AttributeFilter] | None = None
    grouped: bool = False
    sort: SortField | None = None
    descending: bool | None = None


def parse_criteria(search: SearchInput, *, tree: Callable[[], CategoryTree] = CategoryTree.load) -> SearchCriteria:
    """The criteria of a search. `tree` is called only if a category is named.

    Raises InvalidInput with a field error for each mistake. The paths are those of GraphQL's arguments.
    """
    errors = [*_text_errors(search)]
    # A refused text is not squeezed, because it may be a megabyte of white space.
    text = (search.text if errors else squeeze(search.text or "")) or None
    sort, descending = _sort(search, text)
    errors += [*_id_errors(search), *_all_range_errors(search), *_sort_errors(sort, descending, text)]
    categories, brands = _category_ids(search, tree, errors), _brand_ids(search, errors)
    attributes = conditions(search.attributes or (), errors, by_name=search.by_name)
    ids = _ids(search, errors)
    if errors:
        raise InvalidInput(errors)
    return SearchCriteria(
        text=text,
        ids=ids,
        asked_products=None
        if search.slugs is None
        else (frozenset(search.ids or ()), frozenset(map(normal_form, search.slugs))),
        categories=categories,
        category_subtree=tree().subtree(categories) if categories is not None else None,
        brands=brands,
        price=search.price,
        quantity=search.quantity,
        rating=search.rating,
        created=search.created,
        in_stock=search.in_stock,
        on_sale=search.on_sale,
        attributes=attributes,
        grouped=search.grouped,
        sort=sort,
        descending=descending,
        steering=steering.steering_of(text) if text else NO_STEERING,
    )


def text_mistake(text: str) -> str | None:
    """The message about what is wrong with a text to search for; None when nothing is."""
    if has_unsafe_characters(text):
        return UNSAFE_CHARACTERS
    if len(text) > MAX_TYPED_LENGTH or len(text := squeeze(text)) > MAX_TEXT_LENGTH:
        return f"The text is longer than {MAX_TEXT_LENGTH} characters."
    words = words_of(text)
    if (
        len({part for word in words for part in (word.parts if word.kind is WordKind.PLAIN else [word.whole])})
        > MAX_TEXT_WORDS
    ):
        return f"The text has more than {MAX_TEXT_WORDS} different words."
    return None


def _text_errors(search: SearchInput) -> Errors:
    if search.text and (mistake := text_mistake(search.text)):
        yield FieldError(("search",), mistake)


def _id_errors(search: SearchInput) -> Errors:
    if search.ids is not None and len(search.ids) > MAX_IDS:
        yield FieldError(("filter", "ids"), f"At most {MAX_IDS} ids can be asked for at once.")


def _ids(search: SearchInput, errors: list[FieldError]) -> frozenset[int] | None:
    """The ids and the slugs of products as ids; None without either."""
    ids = None if search.ids is None else frozenset(search.ids)
    if search.slugs is None:
        return ids
    if len(search.slugs) > MAX_IDS:
        errors.append(FieldError(("filter", "slugs"), f"At most {MAX_IDS} slugs can be asked for at once."))
    elif any(has_unsafe_characters(slug) for slug in search.slugs):
        errors.append(FieldError(("filter", "slugs"), UNSAFE_CHARACTERS))
    else:
        slugs = {normal_form(slug) for slug in search.slugs}
        named = frozenset(Product.objects.filter(slug__in=slugs).values_list("id", flat=True) if slugs else ())
        return named if ids is None else ids & named
    return ids


def _asked_products(search: SearchInput) -> tuple[frozenset[int], frozenset[str]] | None:
    if search.slugs is None:
        return None
    return frozenset(search.ids or ()), frozenset(map(normal_form, search.slugs))


def _all_range_errors(search: SearchInput) -> Errors:
    yield from _range_errors("price", search.price, Decimal(0), MAX_PRICE)
    for end, value in (("min", search.price.low), ("max", search.price.high)):
        if value is not None and 0 <= value <= MAX_PRICE and value % CENT:
            yield FieldError(("filter", "price", end), "A price has at most two decimals.")
    yield from _range_errors("quantity", search.quantity, 0, MAX_QUANTITY)
    yield from _range_errors("rating", search.rating, 0.0, MAX_RATING)
    if search.created.is_reversed:
        yield FieldError(("filter", "createdAt"), "The range is reversed: its start is after its end.")


def _range_errors(name: str, limits: Range[Any], lowest: Any, highest: Any) -> Errors:
    """The errors of a range that must lie from `lowest` to `highest`."""
    ends = {end: value for end, value in (("min", limits.low), ("max", limits.high)) if value is not None}
    outside = [end for end, value in ends.items() if not lowest <= value <= highest]
    for end in outside:
        yield FieldError(("filter", name, end), f"The {name} must be from {lowest} to {highest}.")
    if not outside and limits.is_reversed:
        yield FieldError(("filter", name), "The range is reversed: its minimum is above its maximum.")


def _sort(search: SearchInput, text: str | None) -> tuple[SortField, bool]:
    """The field to sort by and whether it is descending, with their defaults."""
    if search.sort is None:
        return SortField.RELEVANCE if text else SortField.CREATED_AT, True
    if search.descending is None:
        return search.sort, search.sort is SortField.RELEVANCE
    return search.sort, search.descending


def _sort_errors(sort: SortField, descending: bool, text: str | None) -> Errors:
    if sort is SortField.RELEVANCE and not text:
        yield FieldError(("sortBy", "field"), "RELEVANCE needs a text to search for.")
    elif sort is SortField.RELEVANCE and not descending:
        yield FieldError(("sortBy", "direction"), "RELEVANCE goes best first only.")


def _category_ids(
    search: SearchInput, tree: Callable[[], CategoryTree], errors: list[FieldError]
) -> frozenset[int] | None:
    """The ids of the named categories; None without any."""
    if not search.categories:
        return None
    ids: set[int] = set()
    for choice in _choices("category", search.categories, errors):
        if category := tree().with_slug(choice):
            ids.add(category.pk)
        elif search.by_name and (namesakes := tree().named(choice)):
            ids.update(category.pk for category in namesakes)
        else:
            errors.append(_unknown("category", choice))
    return frozenset(ids)


def _brand_ids(search: SearchInput, errors: list[FieldError]) -> frozenset[int] | None:
    """The ids of the named brands; None without any."""
    if not search.brands:
        return None
    choices = _choices("brand", search.brands, errors)
    slugs = {choice: normal_form(choice) for choice in choices}
    rows = Brand.objects.filter(slug__in=slugs.values())
    if search.by_name:
        rows |= Brand.objects.filter(name__in=choices)
    brands = list(rows.values_list("id", "slug", "name")) if choices else []
    ids: set[int] = set()
    for choice in choices:
        # Compared again here, because the database's collation may take different texts for equal. Slugs come first.
        matching_ids = {pk for pk, slug, _ in brands if slug == slugs[choice]}
        if search.by_name and not matching_ids:
            matching_ids = {pk for pk, _, name in brands if name == choice}
        if not matching_ids:
            errors.append(_unknown("brand", choice))
        ids |= matching_ids
    return frozenset(ids)


def _choices(name: str, choices: Collection[str], errors: list[FieldError]) -> list[str]:
    """The distinct choices. Adds an error and returns none when there are too many or one is malformed."""
    if len(choices) > MAX_CHOICES:
        errors.append(FieldError(("filter", name), f"At most {MAX_CHOICES} can be asked for at once."))
        return []
    if any(has_unsafe_characters(choice) for choice in choices):
        errors.append(FieldError(("filter", name), UNSAFE_CHARACTERS))
        return []
    return list(dict.fromkeys(choices))


def _unknown(name: str, choice: str) -> FieldError:
    return FieldError(("filter", name), f"There is no {name} “{choice[:100]}”.", ErrorCode.NOT_FOUND)
