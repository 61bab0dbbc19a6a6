"""From what a request asks for to the criteria of a search: checks, defaults, and slugs resolved to ids."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.category_tree import CategoryTree
from catalog.models import CENT, MAX_PRICE, MAX_QUANTITY, Brand
from catalog.search.criteria import OPEN, Range, SearchCriteria, SortField
from catalog.search.tokens import parts_of, plain
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

    `categories` and `brands` are slugs; an empty collection is no filter. With `by_name`, what is no slug may be an
    exact name. Without `sort`: RELEVANCE with a text, else newest first. Without `descending`: best first for
    RELEVANCE, else ascending.
    """

    text: str | None = None
    ids: Collection[int] | None = None
    categories: Collection[str] | None = None
    brands: Collection[str] | None = None
    by_name: bool = False
    price: Range[Decimal] = OPEN
    quantity: Range[int] = OPEN
    rating: Range[float] = OPEN
    created: Range[datetime] = OPEN
    in_stock: bool | None = None
    sort: SortField | None = None
    descending: bool | None = None


def parse_criteria(given: SearchInput, *, tree: Callable[[], CategoryTree] = CategoryTree.load) -> SearchCriteria:
    """The criteria that a request asks for; `tree` is called when it names a category.

    Raises InvalidInput with a field error for each mistake; its path is that of GraphQL's arguments.
    """
    errors = [*_text_errors(given)]
    # A text that is refused is left as it is: it may be a megabyte of white space.
    text = (given.text if errors else squeeze(given.text or "")) or None
    sort, descending = _sort(given, text)
    errors += [*_id_errors(given), *_all_range_errors(given), *_sort_errors(sort, descending, text)]
    categories, brands = _category_ids(given, tree, errors), _brand_ids(given, errors)
    if errors:
        raise InvalidInput(errors)
    return SearchCriteria(
        text=text,
        ids=None if given.ids is None else frozenset(given.ids),
        categories=categories,
        category_subtree=tree().subtree(categories) if categories is not None else None,
        brands=brands,
        price=given.price,
        quantity=given.quantity,
        rating=given.rating,
        created=given.created,
        in_stock=given.in_stock,
        sort=sort,
        descending=descending,
    )


def text_mistake(text: str) -> str | None:
    """What is wrong with a text to search for, as a message for whoever typed it; None when nothing is."""
    if has_unsafe_characters(text):
        return UNSAFE_CHARACTERS
    if len(text) > MAX_TYPED_LENGTH or len(text := squeeze(text)) > MAX_TEXT_LENGTH:
        return f"The text is longer than {MAX_TEXT_LENGTH} characters."
    if len({part for piece in plain(text).split() for part in parts_of(piece)}) > MAX_TEXT_WORDS:
        return f"The text has more than {MAX_TEXT_WORDS} different words."
    return None


def _text_errors(given: SearchInput) -> Errors:
    if given.text and (mistake := text_mistake(given.text)):
        yield FieldError(("search",), mistake)


def _id_errors(given: SearchInput) -> Errors:
    if given.ids is not None and len(given.ids) > MAX_IDS:
        yield FieldError(("filter", "ids"), f"At most {MAX_IDS} ids can be asked for at once.")


def _all_range_errors(given: SearchInput) -> Errors:
    yield from _range_errors("price", given.price, Decimal(0), MAX_PRICE)
    for end, value in (("min", given.price.low), ("max", given.price.high)):
        if value is not None and 0 <= value <= MAX_PRICE and value % CENT:
            yield FieldError(("filter", "price", end), "A price has at most two decimals.")
    yield from _range_errors("quantity", given.quantity, 0, MAX_QUANTITY)
    yield from _range_errors("rating", given.rating, 0.0, MAX_RATING)
    if given.created.is_reversed:
        yield FieldError(("filter", "createdAt"), "The range is reversed: its start is after its end.")


def _range_errors(name: str, limits: Range[Any], lowest: Any, highest: Any) -> Errors:
    """What is wrong with a range of numbers that must lie from `lowest` to `highest`."""
    ends = {end: value for end, value in (("min", limits.low), ("max", limits.high)) if value is not None}
    outside = [end for end, value in ends.items() if not lowest <= value <= highest]
    for end in outside:
        yield FieldError(("filter", name, end), f"The {name} must be from {lowest} to {highest}.")
    if not outside and limits.is_reversed:
        yield FieldError(("filter", name), "The range is reversed: its minimum is above its maximum.")


def _sort(given: SearchInput, text: str | None) -> tuple[SortField, bool]:
    """What to sort by, and whether descending: as asked for, or by default."""
    if given.sort is None:
        return SortField.RELEVANCE if text else SortField.CREATED_AT, True
    if given.descending is None:
        return given.sort, given.sort is SortField.RELEVANCE
    return given.sort, given.descending


def _sort_errors(sort: SortField, descending: bool, text: str | None) -> Errors:
    if sort is SortField.RELEVANCE and not text:
        yield FieldError(("sortBy", "field"), "RELEVANCE needs a text to search for.")
    elif sort is SortField.RELEVANCE and not descending:
        yield FieldError(("sortBy", "direction"), "RELEVANCE goes best first only.")


def _category_ids(
    given: SearchInput, tree: Callable[[], CategoryTree], errors: list[FieldError]
) -> frozenset[int] | None:
    """The ids of the categories that are named; None when none is."""
    if not given.categories:
        return None
    ids: set[int] = set()
    for choice in _choices("category", given.categories, errors):
        if category := tree().with_slug(choice):
            ids.add(category.pk)
        elif given.by_name and (namesakes := tree().named(choice)):
            ids.update(category.pk for category in namesakes)
        else:
            errors.append(_unknown("category", choice))
    return frozenset(ids)


def _brand_ids(given: SearchInput, errors: list[FieldError]) -> frozenset[int] | None:
    """The ids of the brands that are named; None when none is."""
    if not given.brands:
        return None
    choices = _choices("brand", given.brands, errors)
    slugs = {choice: normal_form(choice) for choice in choices}
    rows = Brand.objects.filter(slug__in=slugs.values())
    if given.by_name:
        rows |= Brand.objects.filter(name__in=choices)
    brands = list(rows.values_list("id", "slug", "name")) if choices else []
    ids: set[int] = set()
    for choice in choices:
        # Compared here again: the database's collation may take different texts for equal. A slug goes before a name.
        matching_ids = {pk for pk, slug, _ in brands if slug == slugs[choice]}
        if given.by_name and not matching_ids:
            matching_ids = {pk for pk, _, name in brands if name == choice}
        if not matching_ids:
            errors.append(_unknown("brand", choice))
        ids |= matching_ids
    return frozenset(ids)


def _choices(name: str, given: Collection[str], errors: list[FieldError]) -> list[str]:
    """The distinct choices; none when there are too many, or when one of them can be no slug or name."""
    if len(given) > MAX_CHOICES:
        errors.append(FieldError(("filter", name), f"At most {MAX_CHOICES} can be asked for at once."))
        return []
    if any(has_unsafe_characters(choice) for choice in given):
        errors.append(FieldError(("filter", name), UNSAFE_CHARACTERS))
        return []
    return list(dict.fromkeys(given))


def _unknown(name: str, choice: str) -> FieldError:
    return FieldError(("filter", name), f"There is no {name} “{choice[:100]}”.", ErrorCode.NOT_FOUND)
