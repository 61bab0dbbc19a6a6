"""Finds brands by name, page by page."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from catalog.models import Brand
from catalog.search.cursors import decode_cursor, encode_cursor
from catalog.search.pages import Page, hits_of, page_arguments
from catalog.search.sql.paging import positions_in_order
from catalog.search.validation import text_mistake
from catalog.text import squeeze, words
from core.errors import InvalidInput


@dataclass(frozen=True)
class BrandPage:
    """Brands (None if just deleted) with their cursors, whether there are more on both sides, and a count of all."""

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
    """One page of the brands whose names contain every word of the text, by folded name and id. Makes two queries.

    Raises InvalidInput with the argument that is wrong.
    """
    if text and (mistake := text_mistake(text)):
        raise InvalidInput.at("search", message=mistake)
    text = squeeze(text or "")
    size, backward, cursor = page_arguments(first=first, after=after, last=last, before=before)
    digest = blake2b(f"brands\x1f{text}".encode(), digest_size=6).hexdigest()
    position = decode_cursor(cursor, digest, str, "before" if backward else "after") if cursor is not None else None
    page = Page(size, backward, position)
    brands = Brand.objects.all()
    if text and not words(text):
        brands = brands.none()
    for word in words(text):
        brands = brands.filter(folded_name__contains=word)
    hits = hits_of(positions_in_order(brands, "folded_name", descending=False, page=page), page)
    by_id = Brand.objects.only("id", "name", "slug").in_bulk(hits.ids)
    edges = [(encode_cursor(digest, position), by_id.get(position.id)) for position in hits.positions]
    return BrandPage(edges, hits.has_next, hits.has_previous, brands.count)
