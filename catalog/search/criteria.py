"""The criteria of a search, the same for both APIs. `catalog.search.validation` makes them of a request."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from catalog.search.analysis.tokens import Word, words_of

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
    """From `low` to `high`, including both. None means no limit."""

    low: V | None = None
    high: V | None = None

    @property
    def is_open(self) -> bool:
        return self.low is None and self.high is None

    @property
    def is_reversed(self) -> bool:
        return self.low is not None and self.high is not None and self.low > self.high


OPEN: Range[Any] = Range()


@dataclass(frozen=True)
class Steering:
    """What the shop's staff decided about one text. Empty without a decision.

    `pinned` are product ids, the first of which comes first. They match as if they held the text, and filters apply to
    them. `hidden` products do not match. `synonyms` are word sequences of the text, each with other sequences that
    match in its place; all words are folded. `redirect` is the id of a category that a storefront may open instead.
    """

    pinned: tuple[int, ...] = ()
    hidden: frozenset[int] = frozenset()
    synonyms: tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...] = ()
    redirect: int | None = None


NO_STEERING = Steering()


@dataclass(frozen=True)
class AttributeCondition:
    """What products must have of one attribute: one of the values, a number in the range, or one of yes and no.

    `values` are keys of AttributeValue. `unknown` are texts that no product has; they match nothing, and facets show
    them, so that a shopper can take them back.
    """

    attribute: int
    values: frozenset[int] | None = None
    numbers: Range[Decimal] | None = None
    booleans: frozenset[bool] | None = None
    unknown: tuple[str, ...] = field(default=(), compare=False)
    # What `values` were looked up by. A value may come into being between two pages, and the cursor stays valid.
    texts: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, kw_only=True)
class SearchCriteria:
    """A text, filters and a sort that are valid. Made by `parse_criteria` only.

    `categories` and `brands` are ids (None for no such filter), and `category_subtree` are the categories with all
    below them. `ids` are product ids. `text` is as typed, without white space at its ends.
    """

    text: str | None = None
    ids: frozenset[int] | None = None
    # What `ids` were looked up by: ids and slugs. A product may go between two pages, and the cursor stays valid.
    asked_products: tuple[frozenset[int], frozenset[str]] | None = field(default=None, compare=False)
    categories: frozenset[int] | None = None
    category_subtree: frozenset[int] | None = field(default=None, compare=False)
    brands: frozenset[int] | None = None
    price: Range[Decimal] = OPEN
    quantity: Range[int] = OPEN
    rating: Range[float] = OPEN
    created: Range[datetime] = OPEN
    in_stock: bool | None = None
    on_sale: bool | None = None
    # All of them must hold, also several of one attribute. They are in the order of the attributes' keys.
    attributes: tuple[AttributeCondition, ...] = ()
    # Whether the first product of a group, in the order of the sort, stands for all that match.
    grouped: bool = False
    sort: SortField = SortField.CREATED_AT
    descending: bool = True
    # Not part of the digest: a cursor stays valid when staff change their mind.
    steering: Steering = NO_STEERING

    @cached_property
    def words(self) -> list[Word]:
        """The words of the text. There are none without a text, or when it is only punctuation."""
        return words_of(self.text) if self.text else []

    @property
    def choices(self) -> dict[str, frozenset[int]]:
        """The filters by id: a product's own, or that of its category or brand, is one of these."""
        filters = {"id": self.ids, "category": self.category_subtree, "brand": self.brands}
        return {name: ids for name, ids in filters.items() if ids is not None}

    @property
    def ranges(self) -> dict[str, Range[Any]]:
        """The filters by range."""
        filters: dict[str, Range[Any]] = {
            "price": self.price,
            "quantity": self.quantity,
            "rating": self.rating,
            "created": self.created,
        }
        return {name: limits for name, limits in filters.items() if not limits.is_open}

    def without_conditions(self, attribute: int) -> "SearchCriteria":
        """The criteria without what they ask of one attribute."""
        return replace(self, attributes=tuple(c for c in self.attributes if c.attribute != attribute))

    @cached_property
    def without_sort(self) -> "SearchCriteria":
        """The criteria that decide which products match, in any order."""
        return replace(self, sort=SortField.CREATED_AT, descending=True)

    @cached_property
    def matches_nothing(self) -> bool:
        """Whether no product can match, because the text has no word, or a list of ids or values is empty."""
        return (
            (self.text is not None and not self.words)
            or (self.ids is not None and not self.ids)
            or any(condition.values is not None and not condition.values for condition in self.attributes)
        )

    @cached_property
    def digest(self) -> str:
        """A short digest of text, filters and sort, which cursors carry. It is the same for both APIs."""

        def plain(value: Any) -> str:
            if isinstance(value, frozenset):
                return ",".join(map(str, sorted(value)))
            if isinstance(value, Range):
                return f"{plain(value.low)}..{plain(value.high)}"
            if isinstance(value, AttributeCondition):
                values = value.texts or value.values
                return ":".join(map(plain, (value.attribute, values, value.numbers, value.booleans)))
            if isinstance(value, tuple):
                return ";".join(map(plain, value))
            return str(value.normalize()) if isinstance(value, Decimal) else str(value)

        values = (
            *(
                self.text,
                self.asked_products or self.ids,
                self.categories,
                self.brands,
                self.price,
                self.quantity,
                self.rating,
            ),
            *(self.created, self.in_stock, self.sort, self.descending, self.on_sale, *self.attributes, self.grouped),
        )
        return blake2b("\x1f".join(map(plain, values)).encode(), digest_size=6).hexdigest()
