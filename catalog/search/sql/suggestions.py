"""Completions for a search box from the database: categories, brands and product names."""

from collections.abc import Iterator

from catalog.models import Brand, Category, Product
from catalog.search.engine import Suggestion, SuggestionKind
from catalog.text import fold


def suggest(words: list[str], first: int) -> list[Suggestion]:
    """Up to `first` names that contain every word. Names that begin with the text come first. Makes three queries."""
    text = " ".join(words)
    return sorted(_candidates(words, first), key=lambda candidate: not fold(candidate.text).startswith(text))[:first]


def _candidates(words: list[str], first: int) -> Iterator[Suggestion]:
    for model, kind in ((Category, SuggestionKind.CATEGORY), (Brand, SuggestionKind.BRAND)):
        rows = model.objects.all()
        for word in words:
            rows = rows.filter(folded_name__contains=word)
        for name, slug in rows.order_by("folded_name", "id").values_list("name", "slug")[:first]:
            yield Suggestion(name, kind, slug)
    products = Product.objects.filter(is_active=True)
    for word in words:
        products = products.filter(name_key__contains=word)
    for name, slug in products.order_by("name_key", "id").values_list("name", "slug")[:first]:
        yield Suggestion(name, SuggestionKind.PRODUCT, slug)
