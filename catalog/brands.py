"""Brands by name, page by page."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from catalog.models import Brand
from catalog.search.criteria import text_mistake
from catalog.search.cursors import Page, decode, encode, page_arguments
from catalog.search.engine import hits
from catalog.search.sql.engine import keyset
from catalog.text import squeeze, words
from core.errors import InvalidInput


@dataclass(frozen=True)
class BrandPage:
    """Brands with their cursors (None: gone meanwhile), whether more lie on either side, and how to count them all."""

    edges: list[tuple[str, Brand | None]]
    has_next: bool
    has_previous: bool
    count: Callable[[], int]


def search(
    text: str | None,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> BrandPage:
    """One page of the brands whose name holds every word of the text, by folded name and id: two queries.

    Raises InvalidInput at the argument at fault.
    """
    if text and (mistake := text_mistake(text)):
        raise InvalidInput.at("search", message=mistake)
    text = squeeze(text or "")
    size, backward, cursor = page_arguments(first=first, after=after, last=last, before=before)
    digest = blake2b(f"brands\x1f{text}".encode(), digest_size=6).hexdigest()
    boundary = decode(cursor, digest, str, "before" if backward else "after") if cursor is not None else None
    page = Page(size, backward, boundary)
    brands = Brand.objects.all()
    if text and not words(text):
        brands = brands.none()
    for word in words(text):
        brands = brands.filter(folded_name__contains=word)
    found = hits(keyset(brands, "folded_name", descending=False, page=page), page)
    by_id = Brand.objects.only("id", "name", "slug").in_bulk([boundary.id for boundary in found.boundaries])
    edges = [(encode(digest, b), by_id.get(b.id)) for b in found.boundaries]
    return BrandPage(edges, found.has_next, found.has_previous, brands.count)
