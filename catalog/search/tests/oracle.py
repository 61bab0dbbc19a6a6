"""What a search must answer, said once more in plain Python over a list of products."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any

from django.conf import settings

from catalog.attributes.ordering import value_key
from catalog.models import Category, Product
from catalog.search.analysis.tokens import Word, significant_words, words_of
from catalog.search.sql.needles import Edges, needles_of
from catalog.search.sql.word_matching import SEPARATORS
from catalog.text import plain, sort_key, squeeze, words


class Place(IntEnum):
    """Where a product has a word, the best place first. NAMED: in its brand, category, SKU or attributes."""

    NAME = 1
    NAMED = 2
    DESCRIPTION = 3
    NOWHERE = 4


@dataclass(frozen=True)
class Condition:
    """What products must have of one attribute, by its slug: one of the values, a number in the range, or yes or no."""

    attribute: str
    values: tuple[str, ...] = ()
    numbers: tuple[float | None, float | None] = (None, None)
    boolean: bool | None = None


@dataclass
class Search:
    """A search as a client means it, before it is written for one of the APIs."""

    text: str | None = None
    categories: list[str] = field(default_factory=list)
    brands: list[str] = field(default_factory=list)
    price: tuple[Decimal | None, Decimal | None] = (None, None)
    quantity: tuple[int | None, int | None] = (None, None)
    rating: tuple[float | None, float | None] = (None, None)
    created: tuple[datetime | None, datetime | None] = (None, None)
    in_stock: bool | None = None
    on_sale: bool | None = None
    slugs: list[str] = field(default_factory=list)
    attributes: list[Condition] = field(default_factory=list)
    grouped: bool = False
    sort: str | None = None
    descending: bool = False


def within(value: Any, bounds: tuple[Any, Any]) -> bool:
    """Whether the value lies in the inclusive range; a null lies in open ranges only."""
    low, high = bounds
    if value is None:
        return low is None and high is None
    return (low is None or value >= low) and (high is None or value <= high)


def categories_above(category: Category | None) -> list[Category]:
    """A category and those above it, up to its root."""
    return [category, *categories_above(category.parent)] if category else []


def has(text: str, word: Word) -> bool:
    """Whether the folded text has what the database looks for."""
    return all(any(needle in text for needle in group) for group in needles_of(word).groups)


def texts_of(product: Product) -> list[str]:
    """The values of the product's attributes that are texts, and the names of those that it has a yes to."""
    rows = product.attribute_rows.all()
    return [row.value.text if row.value else row.attribute.name for row in rows if row.value or row.boolean]


def place(product: Product, word: Word, *, of_rank: bool = False) -> Place:
    """The best place where the product has the word. For its rank, an SKU counts only for a word with a digit."""
    name, sku = plain(product.name), (product.sku or "").lower()
    if has(name, word):
        return Place.NAME
    contexts = [context.name for context in (product.brand, *categories_above(product.category))]
    if any(has(plain(text), word) for text in (*contexts, *texts_of(product))):
        return Place.NAMED
    bare = "".join(c for c in sku if c not in " -./_")
    is_sku = has(sku, word) or (bare == word.whole and not bare.isalpha() and not bare.isdigit())
    if is_sku and (not of_rank or any(c.isdigit() for c in word.whole)):
        return Place.NAMED
    if has("\n".join((name, plain(product.sku or ""), plain(product.description))), word):
        return Place.DESCRIPTION
    return Place.NOWHERE


def meets(product: Product, condition: Condition) -> bool:
    """Whether the product has what the condition wants of one attribute. Spellings of a value may differ in case."""
    rows = [row for row in product.attribute_rows.all() if row.attribute.slug == condition.attribute]
    if condition.values:
        wanted = {*map(value_key, condition.values)}
        return any(row.value is not None and value_key(row.value.text) in wanted for row in rows)
    if condition.boolean is not None:
        return any(row.boolean == condition.boolean for row in rows)
    low, high = (None if end is None else Decimal(str(end)) for end in condition.numbers)
    return any(row.number is not None and within(row.number, (low, high)) for row in rows)


def passes_filters(product: Product, search: Search) -> bool:
    return (
        (
            not search.categories
            or bool(set(search.categories) & {category.slug for category in categories_above(product.category)})
        )
        and (not search.brands or product.brand.slug in search.brands)
        and within(product.price, search.price)
        and within(product.quantity, search.quantity)
        and within(product.rating, search.rating)
        and within(product.created_at, search.created)
        and (search.in_stock is None or (product.quantity > 0 or product.unlimited_stock) == search.in_stock)
        and (search.on_sale is None or (product.compare_at_price is not None) == search.on_sale)
        and (not search.slugs or product.slug in search.slugs)
        and all(meets(product, condition) for condition in search.attributes)
    )


def with_text(products: Sequence[Product], looked_for: list[Word], *, by_relevance: bool) -> list[Product]:
    """The products that the text alone finds.

    By relevance: those with the most words, and then those with one word less, until they are enough. By another sort:
    those with the most words without descriptions, or with them when that finds none.
    """

    def num_words(product: Product, worst: Place) -> int:
        return sum(place(product, word) <= worst for word in looked_for)

    for worst in [Place.DESCRIPTION] if by_relevance else [Place.NAMED, Place.DESCRIPTION]:
        enough = settings.SEARCH_MIN_HITS if by_relevance else 1
        for wanted in range(len(looked_for), 0, -1):
            hits = [product for product in products if num_words(product, worst) >= wanted]
            if len(hits) >= enough or (by_relevance and wanted == 1):
                return hits
    return []


def is_written(name: str, word: Word) -> bool:
    """Whether the name has the word in a usual spelling, apart from other words at the first place where it is."""
    needles = needles_of(word)
    for spelling in needles.spellings:
        before, found, after = name.partition(spelling)
        is_apart = not before or before[-1] in SEPARATORS
        ends = not after or after[0] in SEPARATORS
        if found and (needles.edges is Edges.NONE or (is_apart and (needles.edges is Edges.BEFORE or ends))):
            return True
    return False


def rank(product: Product, text: str, looked_for: list[Word]) -> int:
    """The lower, the better."""
    name, wholes = plain(product.name), (plain(squeeze(text)), " ".join(words(text)))
    if name in wholes or (product.sku and plain(product.sku) == wholes[0] and any(map(str.isdigit, wholes[0]))):
        best = -100_000
    else:
        best = -1 if name.startswith(wholes) else 0
    points = {Place.NAME: 2, Place.NAMED: 4, Place.DESCRIPTION: 6, Place.NOWHERE: 1000}
    for word in looked_for[:10]:
        where = place(product, word, of_rank=True)
        best += 0 if where is Place.NAME and is_written(name, word) else points[where]
    return best


def tile(product: Product) -> tuple[str, int]:
    """What stands for the product in a grouped list: its group, or itself."""
    return ("product", product.pk) if product.group_id is None else ("group", product.group_id)


def matching(products: Sequence[Product], search: Search) -> list[Product]:
    """All that match, in no particular order and not grouped."""
    text = search.text or ""
    found = [product for product in products if product.is_active]
    if text.strip():
        by_relevance = (search.sort or "RELEVANCE") == "RELEVANCE"
        found = with_text(found, significant_words(words_of(text)), by_relevance=by_relevance)
    return [product for product in found if passes_filters(product, search)]


def in_order(products: Sequence[Product], search: Search) -> list[Product]:
    """The products in the search's order."""
    text = search.text or ""
    sort = search.sort or ("RELEVANCE" if text.strip() else "CREATED_AT")
    if sort == "RELEVANCE":
        looked_for = significant_words(words_of(text))
        return sorted(products, key=lambda p: (rank(p, text, looked_for), p.pk))
    descending = search.descending if search.sort else True
    keys: dict[str, Callable[[Product], Any]] = {
        "NAME": lambda p: sort_key(p.name),
        "PRICE": lambda p: p.price,
        "RATING": lambda p: p.rating,
        "QUANTITY": lambda p: p.quantity,
        "CREATED_AT": lambda p: p.created_at,
    }
    key = keys[sort]
    rated = sorted((p for p in products if key(p) is not None), key=lambda p: (key(p), p.pk), reverse=descending)
    unrated = sorted((p for p in products if key(p) is None), key=lambda p: p.pk, reverse=descending)
    return rated + unrated


def firsts(products: Sequence[Product]) -> list[Product]:
    """The first product of each group, and all without a group."""
    tiles: dict[tuple[str, int], Product] = {}
    for product in products:
        tiles.setdefault(tile(product), product)
    return [*tiles.values()]


def expected(products: Sequence[Product], search: Search) -> list[str]:
    """The slugs of all that the search lists in the database, in its order."""
    found = in_order(matching(products, search), search)
    return [product.slug for product in (firsts(found) if search.grouped else found)]
