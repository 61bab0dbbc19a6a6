"""What a search must answer, said once more in plain Python over a list of products."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.models import Category, Product
from catalog.text import fold, sort_key, words


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
    sort: str | None = None
    descending: bool = False


def within(value: Any, bounds: tuple[Any, Any]) -> bool:
    """Whether the value lies in the inclusive range; a null lies in open ranges only."""
    low, high = bounds
    if value is None:
        return low is None and high is None
    return (low is None or value >= low) and (high is None or value <= high)


def above(category: Category | None) -> list[str]:
    """The slugs from a category up to its root."""
    return [category.slug, *above(category.parent)] if category else []


def matches(product: Product, search: Search) -> bool:
    """Whether the search finds the product."""
    found = [product.name, product.brand.name, product.category.name, product.sku or "", product.description]
    texts = [fold(text) for text in found]
    looked_for = words(search.text or "")
    if (search.text or "").strip() and not looked_for:
        return False
    return (
        product.is_active
        and all(any(word in text for text in texts) for word in looked_for)
        and (not search.categories or bool(set(search.categories) & set(above(product.category))))
        and (not search.brands or product.brand.slug in search.brands)
        and within(product.price, search.price)
        and within(product.quantity, search.quantity)
        and within(product.rating, search.rating)
        and within(product.created_at, search.created)
        and (search.in_stock is None or (product.quantity > 0) == search.in_stock)
    )


def rank(product: Product, text: str) -> int:
    """0: the name is the text; 1: it starts with it; 2: it holds every word; 3: the rest."""
    name, looked_for = fold(product.name), words(text)
    wholes = (fold(" ".join(text.split())), " ".join(looked_for))
    if name in wholes:
        return 0
    if name.startswith(wholes):
        return 1
    return 2 if all(word in name for word in looked_for) else 3


def expected(products: Sequence[Product], search: Search) -> list[str]:
    """The slugs of all that the search finds, in its order."""
    found = [product for product in products if matches(product, search)]
    has_text = bool((search.text or "").strip())
    sort = search.sort or ("RELEVANCE" if has_text else "CREATED_AT")
    if sort == "RELEVANCE":
        return [p.slug for p in sorted(found, key=lambda p: (rank(p, search.text or ""), p.pk))]
    descending = search.descending if search.sort else True
    keys = {
        "NAME": lambda p: sort_key(p.name),
        "PRICE": lambda p: p.price,
        "RATING": lambda p: p.rating,
        "QUANTITY": lambda p: p.quantity,
        "CREATED_AT": lambda p: p.created_at,
    }
    key = keys[sort]
    rated = sorted((p for p in found if key(p) is not None), key=lambda p: (key(p), p.pk), reverse=descending)
    unrated = sorted((p for p in found if key(p) is None), key=lambda p: p.pk, reverse=descending)
    return [p.slug for p in rated + unrated]
