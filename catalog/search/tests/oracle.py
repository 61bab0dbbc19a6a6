"""What a search must answer, said once more in plain Python over a list of products."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.models import Category, Product
from catalog.text import fold, sort_key, words


@dataclass
class Asked:
    """A question as a client asks it, before either door's spelling of it."""

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


def matches(product: Product, asked: Asked) -> bool:
    """Whether the question finds the product."""
    found = [product.name, product.brand.name, product.category.name, product.sku or "", product.description]
    texts = [fold(text) for text in found]
    looked_for = words(asked.text or "")
    if (asked.text or "").strip() and not looked_for:
        return False
    return (
        product.is_active
        and all(any(word in text for text in texts) for word in looked_for)
        and (not asked.categories or bool(set(asked.categories) & set(above(product.category))))
        and (not asked.brands or product.brand.slug in asked.brands)
        and within(product.price, asked.price)
        and within(product.quantity, asked.quantity)
        and within(product.rating, asked.rating)
        and within(product.created_at, asked.created)
        and (asked.in_stock is None or (product.quantity > 0) == asked.in_stock)
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


def expected(products: Sequence[Product], asked: Asked) -> list[str]:
    """The slugs of all that the question finds, in its order."""
    found = [product for product in products if matches(product, asked)]
    has_text = bool((asked.text or "").strip())
    sort = asked.sort or ("RELEVANCE" if has_text else "CREATED_AT")
    if sort == "RELEVANCE":
        return [p.slug for p in sorted(found, key=lambda p: (rank(p, asked.text or ""), p.pk))]
    descending = asked.descending if asked.sort else True
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
