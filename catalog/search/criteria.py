"""What can be asked of the catalogue: one object for both doors, validated once."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from catalog.category_tree import CategoryTree
from catalog.models import CENT, MAX_PRICE, MAX_QUANTITY, Brand
from catalog.search.tokens import parts_of, plain
from catalog.slugs import normal_form
from catalog.text import squeeze, words
from core.errors import ErrorCode, FieldError, InvalidInput
from core.parsing import has_unsafe_characters

TEXT_LENGTH = 200
MAX_TYPED = 10 * TEXT_LENGTH
MAX_WORDS = 50
MAX_CHOICES = 100
MAX_IDS = 1000
MAX_RATING = 5.0

V = TypeVar("V", Decimal, int, float, datetime)


class SortField(StrEnum):
    """What the products can be sorted by."""

    RELEVANCE = "RELEVANCE"
    NAME = "NAME"
    PRICE = "PRICE"
    RATING = "RATING"
    QUANTITY = "QUANTITY"
    CREATED_AT = "CREATED_AT"


@dataclass(frozen=True)
class Range(Generic[V]):
    """From `low` to `high`, both inclusive; None: open."""

    low: V | None = None
    high: V | None = None


@dataclass(frozen=True, kw_only=True)
class SearchCriteria:
    """A validated question. Made by `parse_criteria` only.

    `categories` and `brands` are the ids that were named (None: not asked), `category_subtree` those categories
    with all below them. `ids` are product ids. `text` is as typed, without white space at its ends.
    """

    text: str | None = None
    ids: frozenset[int] | None = None
    categories: frozenset[int] | None = None
    category_subtree: frozenset[int] | None = field(default=None, compare=False)
    brands: frozenset[int] | None = None
    price: Range[Decimal] = Range()
    quantity: Range[int] = Range()
    rating: Range[float] = Range()
    created: Range[datetime] = Range()
    in_stock: bool | None = None
    sort: SortField = SortField.CREATED_AT
    descending: bool = True

    @cached_property
    def words(self) -> list[str]:
        """The folded words of the text; none without a text, and none when it is punctuation alone."""
        return words(self.text) if self.text else []

    @cached_property
    def question(self) -> "SearchCriteria":
        """The criteria without their sort: what decides which products are found."""
        return replace(self, sort=SortField.CREATED_AT, descending=True)

    @property
    def finds_nothing(self) -> bool:
        """Whether the question rules every product out: a text of punctuation alone, or no id that could exist."""
        return (self.text is not None and not self.words) or (self.ids is not None and not self.ids)

    @cached_property
    def digest(self) -> str:
        """A short digest of the question (text, filter and sort), the same for both doors; cursors carry it."""

        def plain(value: Any) -> str:
            if isinstance(value, frozenset):
                return ",".join(map(str, sorted(value)))
            if isinstance(value, Range):
                return f"{plain(value.low)}..{plain(value.high)}"
            return str(value.normalize()) if isinstance(value, Decimal) else str(value)

        asked = (
            *(self.text, self.ids, self.categories, self.brands, self.price, self.quantity, self.rating),
            *(self.created, self.in_stock, self.sort, self.descending),
        )
        return blake2b("\x1f".join(map(plain, asked)).encode(), digest_size=6).hexdigest()


def parse_criteria(
    *,
    tree: Callable[[], CategoryTree],
    text: str | None = None,
    ids: Collection[int] | None = None,
    categories: Collection[str] | None = None,
    brands: Collection[str] | None = None,
    by_name: bool = False,
    price: Range[Decimal] = Range(),
    quantity: Range[int] = Range(),
    rating: Range[float] = Range(),
    created: Range[datetime] = Range(),
    in_stock: bool | None = None,
    sort: SortField | None = None,
    descending: bool | None = None,
) -> SearchCriteria:
    """The question of a request, checked and with slugs resolved to ids.

    `categories` and `brands` are slugs, with `by_name` also exact names; an empty collection of them asks nothing.
    `tree` is called when a category is named. Without `sort`: RELEVANCE with a text, else newest first; without
    `descending`: best first for RELEVANCE, else ascending. Raises InvalidInput with a fault for each mistake, its
    path as in GraphQL's arguments.
    """
    field_errors: list[FieldError] = []
    if text and (mistake := text_mistake(text)):
        field_errors.append(FieldError(("search",), mistake))
    elif text:
        text = squeeze(text)
    if ids is not None and len(ids) > MAX_IDS:
        field_errors.append(FieldError(("filter", "ids"), f"At most {MAX_IDS} ids can be asked for at once."))
    field_errors += _range_errors("price", price, Decimal(0), MAX_PRICE)
    for bound, value in (("min", price.low), ("max", price.high)):
        if value is not None and 0 <= value <= MAX_PRICE and value % CENT:
            field_errors.append(FieldError(("filter", "price", bound), "A price has at most two decimals."))
    field_errors += _range_errors("quantity", quantity, 0, MAX_QUANTITY)
    field_errors += _range_errors("rating", rating, 0.0, MAX_RATING)
    if created.low is not None and created.high is not None and created.low > created.high:
        field_errors.append(FieldError(("filter", "createdAt"), "The range is reversed: its start is after its end."))

    if sort is None:
        sort = SortField.RELEVANCE if text else SortField.CREATED_AT
        descending = True
    elif descending is None:
        descending = sort is SortField.RELEVANCE
    if sort is SortField.RELEVANCE and not text:
        field_errors.append(FieldError(("sortBy", "field"), "RELEVANCE needs a text to search for."))
    elif sort is SortField.RELEVANCE and not descending:
        field_errors.append(FieldError(("sortBy", "direction"), "RELEVANCE goes best first only."))

    category_ids = _category_ids(categories, tree, by_name, field_errors) if categories else None
    brand_ids = _brand_ids(brands, by_name, field_errors) if brands else None
    if field_errors:
        raise InvalidInput(field_errors)
    return SearchCriteria(
        text=text or None,
        ids=None if ids is None else frozenset(ids),
        categories=category_ids,
        category_subtree=tree().subtree(category_ids) if category_ids is not None else None,
        brands=brand_ids,
        price=price,
        quantity=quantity,
        rating=rating,
        created=created,
        in_stock=in_stock,
        sort=sort,
        descending=bool(descending),
    )


def text_mistake(text: str) -> str | None:
    """What is wrong with a text to search for, in words for whoever typed it; None when nothing is."""
    if has_unsafe_characters(text):
        return "The text has characters that no text can have."
    # White space is squeezed before characters are counted; nobody squeezes a megabyte of it.
    if len(text) > MAX_TYPED or len(text := squeeze(text)) > TEXT_LENGTH:
        return f"The text is longer than {TEXT_LENGTH} characters."
    if len({part for piece in plain(text).split() for part in parts_of(piece)}) > MAX_WORDS:
        return f"The text has more than {MAX_WORDS} different words."
    return None


def _range_errors(name: str, asked: Range[Any], least: Any, most: Any) -> list[FieldError]:
    """What is wrong with a range of numbers that lie from `least` to `most`."""
    field_errors = [
        FieldError(("filter", name, bound), f"The {name} must be from {least} to {most}.")
        for bound, value in (("min", asked.low), ("max", asked.high))
        if value is not None and not least <= value <= most
    ]
    if not field_errors and asked.low is not None and asked.high is not None and asked.low > asked.high:
        field_errors.append(FieldError(("filter", name), "The range is reversed: its minimum is above its maximum."))
    return field_errors


def _choices(name: str, asked: Collection[str], field_errors: list[FieldError]) -> list[str]:
    """The distinct choices, at most MAX_CHOICES of them and none that no slug or name could be."""
    if len(asked) > MAX_CHOICES:
        field_errors.append(FieldError(("filter", name), f"At most {MAX_CHOICES} can be asked for at once."))
        return []
    if any(has_unsafe_characters(choice) for choice in asked):
        field_errors.append(FieldError(("filter", name), "The text has characters that no text can have."))
        return []
    return list(dict.fromkeys(asked))


def _category_ids(
    asked: Collection[str], tree: Callable[[], CategoryTree], by_name: bool, field_errors: list[FieldError]
) -> frozenset[int]:
    found: set[int] = set()
    for choice in _choices("category", asked, field_errors):
        if category := tree().with_slug(choice):
            found.add(category.pk)
        elif by_name and (named := tree().named(choice)):
            found.update(category.pk for category in named)
        else:
            field_errors.append(
                FieldError(("filter", "category"), f"There is no category “{choice[:100]}”.", ErrorCode.NOT_FOUND)
            )
    return frozenset(found)


def _brand_ids(asked: Collection[str], by_name: bool, field_errors: list[FieldError]) -> frozenset[int]:
    choices = _choices("brand", asked, field_errors)
    slugs = {choice: normal_form(choice) for choice in choices}
    rows = Brand.objects.filter(slug__in=slugs.values())
    if by_name:
        rows |= Brand.objects.filter(name__in=choices)
    brands = list(rows.values_list("id", "slug", "name")) if choices else []
    found: set[int] = set()
    for choice in choices:
        # Exact, whatever the database's collation takes for equal; a slug goes before a name.
        matching = {pk for pk, slug, _ in brands if slug == slugs[choice]}
        if by_name and not matching:
            matching = {pk for pk, _, name in brands if name == choice}
        if not matching:
            field_errors.append(
                FieldError(("filter", "brand"), f"There is no brand “{choice[:100]}”.", ErrorCode.NOT_FOUND)
            )
        found |= matching
    return frozenset(found)
