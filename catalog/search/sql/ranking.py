"""The order by RELEVANCE in the database."""

from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import StrIndex

from catalog.models import Product
from catalog.search.criteria import SearchCriteria
from catalog.text import fold


def ranked(products: QuerySet[Product], criteria: SearchCriteria) -> QuerySet[Product]:
    """The products by rank, then id."""
    places = {f"place_{index}": StrIndex(F("search_text"), Value(word)) for index, word in enumerate(criteria.words)}
    return products.alias(**places).order_by(_rank(criteria), "id")


def _rank(criteria: SearchCriteria) -> Case:
    """How well a product's name matches: 0 it is the text, 1 it starts with it, 2 it contains every word, 3 the rest.

    The folded name is the first line of `search_text`, so a word is in the name when it comes before the line's end.
    """
    texts = {fold(criteria.text or ""), " ".join(criteria.words)}
    equals, starts = Q(), Q()
    for text in texts:
        equals |= Q(search_text__startswith=f"{text}\n")
        starts |= Q(search_text__startswith=text)
    end_of_name = StrIndex(F("search_text"), Value("\n"))
    in_name = Q()
    for index, _ in enumerate(criteria.words):
        in_name &= Q(**{f"place_{index}__gt": 0, f"place_{index}__lt": end_of_name})
    return Case(When(equals, 0), When(starts, 1), When(in_name, 2), default=3, output_field=IntegerField())
