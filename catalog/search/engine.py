"""The interface of search engines, and the choice of one."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

from catalog.category_tree import CategoryTree
from catalog.models import Product
from catalog.search.criteria import SearchCriteria
from catalog.search.cursors import Position
from catalog.search.facets import FACETS, Facets, check_first
from catalog.search.pages import Hits, Page
from catalog.search.validation import text_mistake
from catalog.text import words
from core.errors import InvalidInput

ENGINES = {
    "database": "catalog.search.sql.engine.DatabaseEngine",
    "tantivy": "catalog.search.index.engine.TantivyEngine",
}


class SuggestionKind(StrEnum):
    """What a suggestion leads to."""

    PRODUCT = "PRODUCT"
    BRAND = "BRAND"
    CATEGORY = "CATEGORY"


@dataclass(frozen=True)
class Suggestion:
    """A completion for a search box. `id` is the key of the product, brand or category."""

    text: str
    kind: SuggestionKind
    slug: str
    id: int


class ResolvedSearch(Protocol):
    """The set of products that answers one search. Its pages, total, facets and highlights describe the same set."""

    def page(self, page: Page) -> Hits:
        """One page of the products, in the order of the criteria."""
        ...

    def total(self) -> int:
        """How many products there are on all pages, exactly."""
        ...

    def facets(self, tree: Callable[[], CategoryTree], names: Collection[str] = FACETS) -> Facets:
        """The facets, of which the caller will use `names`. Each is counted when its method is called."""
        ...

    def highlight(self, name: str) -> str:
        """The name of a product, HTML-escaped, with <mark> around what the text of the search matched."""
        ...


class Engine(Protocol):
    """Searches active products and returns their ids. Callers read the rows from the database."""

    def resolve(self, criteria: SearchCriteria, position: Position | None = None) -> ResolvedSearch:
        """The products that match. With the position of a cursor, they are the set that its page belongs to."""
        ...

    def suggest(self, words: list[str], first: int) -> list[Suggestion]:
        """Up to `first` completions of the words of an unfinished text (at least one), best first."""
        ...

    def related(self, product: Product, first: int) -> list[int]:
        """Up to `first` ids of active products like this one, best first.

        They are of its category and share words of its name or values of its attributes. Of each group there is one,
        and none of the product's own. The product must have its id, name, category and group.
        """
        ...


@cache
def _engine(name: str) -> Engine:
    return cast(Engine, import_string(ENGINES[name])())


def engine() -> Engine:
    """The engine that the setting SEARCH_ENGINE chooses."""
    return _engine(settings.SEARCH_ENGINE)


def suggestions(text: str, first: int) -> list[Suggestion]:
    """Completions for a search box, best first; none for a blank text. Raises InvalidInput with the wrong argument."""
    check_first(first)
    if mistake := text_mistake(text):
        raise InvalidInput.at("query", message=mistake)
    text_words = words(text)
    return engine().suggest(text_words, first) if text_words else []
