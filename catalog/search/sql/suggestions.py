"""Completions for a search box from the database: categories, brands, product names and SKUs."""

from collections.abc import Iterator
from functools import reduce
from operator import and_, or_

from django.db.models import Q, QuerySet
from django.db.models.lookups import StartsWith

from catalog.models import Brand, Category, Product
from catalog.search.analysis.tokens import parts_of
from catalog.search.engine import Suggestion, SuggestionKind
from catalog.search.sql.word_matching import bare_sku, is_in_name
from catalog.text import plain

# How many products are suggested by their SKUs, and the shortest beginning of one.
MAX_BY_SKU, MIN_SKU_LETTERS = 5, 3


def suggest(words: list[str], first: int) -> list[Suggestion]:
    """Up to `first` names that contain every word, and products whose SKUs begin with the text.

    Names that begin with the text come first, then SKUs. Makes at most five queries.
    """
    text = " ".join(words)
    named = [*_categories_and_brands(words, first), *_products(words, first)]
    begins = [suggestion for suggestion in named if plain(suggestion.text).startswith(text)]
    return list(dict.fromkeys([*begins, *_by_sku(words), *named]))[:first]


def _categories_and_brands(words: list[str], first: int) -> Iterator[Suggestion]:
    condition = reduce(and_, (Q(folded_name__contains=word) for word in words))
    for model, kind in ((Category, SuggestionKind.CATEGORY), (Brand, SuggestionKind.BRAND)):
        rows = model.objects.filter(condition).order_by("folded_name", "id")
        for name, slug, pk in rows.values_list("name", "slug", "id")[:first]:
            yield Suggestion(name, kind, slug, pk)


def _products(words: list[str], first: int) -> list[Suggestion]:
    # An index has the whole of `name_key`, but ø is not o there, and long names are cut.
    found = _suggestions(reduce(and_, (Q(name_key__contains=word) for word in words)), first)
    if len(found) < first:
        found += _suggestions(reduce(and_, map(is_in_name, words)), first)
    return found


def _by_sku(words: list[str]) -> list[Suggestion]:
    """The products whose SKUs begin with the text, whatever separates its parts."""
    beginning = "".join(part for word in words for part in parts_of(word))
    if len(beginning) < MIN_SKU_LETTERS or not beginning.isascii():
        return []
    letters = {beginning[0], beginning[0].upper()}
    # Ranges of the index of SKUs.
    same_letter = reduce(or_, (Q(sku__gte=letter, sku__lt=chr(ord(letter) + 1)) for letter in letters))
    return _suggestions(same_letter & Q(StartsWith(bare_sku(), beginning)), MAX_BY_SKU, order="sku")


def _suggestions(condition: Q, first: int, order: str = "name_key") -> list[Suggestion]:
    products: QuerySet[Product] = Product.objects.filter(condition, is_active=True).order_by(order, "id")
    rows = products.values_list("name", "slug", "id")[:first]
    return [Suggestion(name, SuggestionKind.PRODUCT, slug, pk) for name, slug, pk in rows]
