"""Completions for a search box from the index: categories, brands and product names."""

from typing import Any

from django.db.models import QuerySet
from tantivy import Query, Searcher

from catalog.models import Brand, Category, Product
from catalog.search.engine import Suggestion, SuggestionKind
from catalog.search.index.documents import BRAND, CATEGORY, SCHEMA
from catalog.search.index.matching import all_of, any_of
from catalog.search.tokens import parts_of, plain
from catalog.search.typos import near_query, typos_allowed

# Read of each kind, to choose from: what begins with the text goes before what only holds it.
READ = 50


def suggest(searcher: Searcher, words: list[str], first: int) -> list[Suggestion]:
    """Up to `first` names that hold every word, the last one as a beginning; with typos when that gives too few.

    Best first: without typos before with; names that begin with the text before others; categories, brands, products.
    Two queries at most for each kind.
    """
    parts = [part for word in words for part in parts_of(plain(word))]
    if not parts:
        return []
    begun = " ".join(parts)
    found: dict[tuple[SuggestionKind, str], Suggestion] = {}
    for typos in (dict.fromkeys(parts, 0), typos_allowed(parts)):
        if len(found) < first:
            for each in sorted(_candidates(searcher, parts, typos), key=lambda each: not _begins(each.text, begun)):
                found.setdefault((each.kind, plain(each.text)), each)
    kept = list(found.values())
    # Products are what is looked for in the end: the others leave them half of the room.
    products = [each for each in kept if each.kind is SuggestionKind.PRODUCT][:first]
    room = first - min(len(products), first // 2)
    others = [each for each in kept if each.kind is not SuggestionKind.PRODUCT][:room]
    chosen = {id(each) for each in (*others, *products[: first - len(others)])}
    return [each for each in kept if id(each) in chosen]


def _begins(name: str, text: str) -> bool:
    return " ".join(part for piece in plain(name).split() for part in parts_of(piece)).startswith(text)


def _candidates(searcher: Searcher, parts: list[str], typos: dict[str, int]) -> list[Suggestion]:
    """What the parts find of each kind, best first within it; each part may have its number of typos."""
    label = _query("label", parts, typos)
    categories = _keys(searcher, all_of([label, Query.term_query(SCHEMA, "kind", CATEGORY)]), "named")
    brands = _keys(searcher, all_of([label, Query.term_query(SCHEMA, "kind", BRAND)]), "named")
    products = _keys(searcher, _query("name_words", parts, typos), "id")
    return [
        *_rows(Category.objects.all(), [key // 2 for key in categories], SuggestionKind.CATEGORY),
        *_rows(Brand.objects.all(), [key // 2 for key in brands], SuggestionKind.BRAND),
        *_rows(Product.objects.filter(is_active=True), products, SuggestionKind.PRODUCT),
    ]


def _rows(rows: QuerySet[Any], keys: list[int], kind: SuggestionKind) -> list[Suggestion]:
    """The rows that are still there, in the order of the keys."""
    found = {pk: (name, slug) for pk, name, slug in rows.filter(pk__in=keys).values_list("id", "name", "slug")}
    return [Suggestion(found[key][0], kind, found[key][1]) for key in keys if key in found]


def _keys(searcher: Searcher, query: Query, field: str) -> list[int]:
    """The keys of the best documents, equals by key."""
    found = searcher.search(query, READ, count=False).hits
    keys = searcher.fast_field_values(field, [address for _, address in found])
    scored = sorted((-round(score, 3), int(key or 0)) for (score, _), key in zip(found, keys, strict=True))
    return [key for _, key in scored]


def _query(field: str, parts: list[str], typos: dict[str, int]) -> Query:
    """Names with every word, the last one as a beginning; whole words are better."""

    def one(part: str, last: bool) -> Query:
        queries = [Query.boost_query(Query.term_query(SCHEMA, field, part), 2.0)]
        if typos[part]:
            queries.append(near_query(field, part, typos[part]))
        if last:
            queries.append(near_query(field, part, typos[part], prefix=True))
        return any_of(queries)

    *others, last = parts
    return all_of([*(one(part, False) for part in dict.fromkeys(others)), one(last, True)])
