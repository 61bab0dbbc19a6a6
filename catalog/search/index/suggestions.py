"""Completions for a search box from the index: categories, brands and product names."""

from typing import Any

from django.db.models import QuerySet
from tantivy import Query, Searcher

from catalog.models import Brand, Category, Product
from catalog.search.analysis.tokens import is_indexable, parts_of
from catalog.search.engine import Suggestion, SuggestionKind
from catalog.search.index.documents import BRAND, CATEGORY, SCHEMA
from catalog.search.index.terms import all_of, any_of, near_query
from catalog.search.typos import typos_allowed
from catalog.text import plain

# How many names of each kind are read to choose from. Those that begin with the text come first.
MAX_CANDIDATES = 50
MIN_SKU_LETTERS, MAX_SKUS = 3, 20


def suggest(searcher: Searcher, words: list[str], first: int) -> list[Suggestion]:
    """Up to `first` names with every word, the last of which may be incomplete. Allows typos when there are too few.

    The best come first: names without typos, then names that begin with the text, then by kind: categories, brands,
    products. Makes at most two queries for each kind.
    """
    parts = [part for word in words for part in parts_of(plain(word))]
    if not parts:
        return []
    text = " ".join(parts)
    # A name is suggested once, even if several products have it.
    suggestions: dict[tuple[SuggestionKind, str], Suggestion] = {}
    for typos in (dict.fromkeys(parts, 0), typos_allowed(parts)):
        if len(suggestions) < first:
            candidates = _candidates(searcher, parts, typos)
            for suggestion in sorted(candidates, key=lambda candidate: not _begins(candidate.text, text)):
                suggestions.setdefault((suggestion.kind, plain(suggestion.text)), suggestion)
    return _with_room_for_products(list(suggestions.values()), first)


def _with_room_for_products(suggestions: list[Suggestion], first: int) -> list[Suggestion]:
    """Up to `first` of the suggestions, in their order. At least half are products if there are enough of them.

    Shoppers look for products in the end.
    """
    products = sum(suggestion.kind is SuggestionKind.PRODUCT for suggestion in suggestions)
    places_for_others = min(len(suggestions) - products, first - min(products, first // 2))
    places_for_products = first - places_for_others
    chosen = []
    for suggestion in suggestions:
        if suggestion.kind is SuggestionKind.PRODUCT and places_for_products:
            places_for_products -= 1
            chosen.append(suggestion)
        elif suggestion.kind is not SuggestionKind.PRODUCT and places_for_others:
            places_for_others -= 1
            chosen.append(suggestion)
    return chosen


def _begins(name: str, text: str) -> bool:
    return " ".join(part for piece in plain(name).split() for part in parts_of(piece)).startswith(text)


def _candidates(searcher: Searcher, parts: list[str], typos: dict[str, int]) -> list[Suggestion]:
    """The names that match, by kind, and the best first within each. `typos` says how many each part may have."""
    label = _query("label", parts, typos)
    categories = _keys(searcher, all_of([label, Query.term_query(SCHEMA, "kind", CATEGORY)]), "named")
    brands = _keys(searcher, all_of([label, Query.term_query(SCHEMA, "kind", BRAND)]), "named")
    named = _query("name_words", parts, typos)
    products = [*_with_sku(searcher, parts), *_keys(searcher, named, "id")]
    return [
        *_rows(Category.objects.all(), [key // 2 for key in categories], SuggestionKind.CATEGORY),
        *_rows(Brand.objects.all(), [key // 2 for key in brands], SuggestionKind.BRAND),
        *_rows(Product.objects.filter(is_active=True), products, SuggestionKind.PRODUCT),
    ]


def _with_sku(searcher: Searcher, parts: list[str]) -> list[int]:
    """The products whose SKU begins with the parts, written as one or apart."""
    token = "".join(parts)
    if len(token) < MIN_SKU_LETTERS or not is_indexable(token):
        return []
    # Tantivy looks at 50 SKUs at most. Very many may begin alike.
    beginning = Query.phrase_prefix_query(SCHEMA, "sku", [token])
    return _keys(searcher, beginning, "id")[:MAX_SKUS]


def _rows(rows: QuerySet[Any], keys: list[int], kind: SuggestionKind) -> list[Suggestion]:
    """The rows that still exist, in the order of the keys."""
    by_key = {pk: (name, slug) for pk, name, slug in rows.filter(pk__in=keys).values_list("id", "name", "slug")}
    return [Suggestion(by_key[key][0], kind, by_key[key][1], key) for key in dict.fromkeys(keys) if key in by_key]


def _keys(searcher: Searcher, query: Query, field: str) -> list[int]:
    """The keys of the best documents. Those with the same score are in the order of their keys."""
    hits = searcher.search(query, MAX_CANDIDATES, count=False).hits
    keys = searcher.fast_field_values(field, [address for _, address in hits])
    scored = sorted((-round(score, 3), int(key or 0)) for (score, _), key in zip(hits, keys, strict=True))
    return [key for _, key in scored]


def _query(field: str, parts: list[str], typos: dict[str, int]) -> Query:
    """Names with every part, the last of which may be incomplete. Whole words score higher."""

    def part_query(part: str, is_last: bool) -> Query:
        queries = [Query.boost_query(Query.term_query(SCHEMA, field, part), 2.0)]
        if typos[part]:
            queries.append(near_query(field, part, typos[part]))
        if is_last:
            queries.append(near_query(field, part, typos[part], prefix=True))
        return any_of(queries)

    *others, last = parts
    return all_of([*(part_query(part, False) for part in dict.fromkeys(others)), part_query(last, True)])
