"""The order by RELEVANCE in the database."""

from collections.abc import Mapping

from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import StrIndex

from catalog.models import Product
from catalog.search.criteria import SearchCriteria
from catalog.search.sql.matching import every_word
from catalog.text import fold


def ranked(products: QuerySet[Product], criteria: SearchCriteria) -> QuerySet[Product]:
    """The products by rank, then id. Those that staff pinned come first, in their order."""
    synonyms = (word for _, alternatives in criteria.steering.synonyms for words in alternatives for word in words)
    places = {
        word: (f"place_{index}", StrIndex(F("search_text"), Value(word)))
        for index, word in enumerate(dict.fromkeys([*criteria.words, *synonyms]))
    }
    pins = [When(pk=pk, then=place) for place, pk in enumerate(criteria.steering.pinned)]
    order = [Case(*pins, default=len(pins), output_field=IntegerField())] if pins else []
    rank = _rank(criteria, {word: name for word, (name, _) in places.items()})
    return products.alias(**dict(places.values())).order_by(*order, rank, "id")


def _rank(criteria: SearchCriteria, places: Mapping[str, str]) -> Case:
    """How well a product's name matches: 0 it is the text, 1 it starts with it, 2 it contains every word, 3 the rest.

    The folded name is the first line of `search_text`, so a word is in the name when it comes before the line's end.
    `places` has, for each word, the name of the expression that says where it begins in `search_text`.
    """
    texts = {fold(criteria.text or ""), " ".join(criteria.words)}
    equals, starts = Q(), Q()
    for text in texts:
        equals |= Q(search_text__startswith=f"{text}\n")
        starts |= Q(search_text__startswith=text)
    end_of_name = StrIndex(F("search_text"), Value("\n"))
    in_name = every_word(criteria, lambda word: Q(**{f"{places[word]}__gt": 0, f"{places[word]}__lt": end_of_name}))
    return Case(When(equals, 0), When(starts, 1), When(in_name, 2), default=3, output_field=IntegerField())
