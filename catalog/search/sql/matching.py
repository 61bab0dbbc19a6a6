"""Matches the text of a search with the ORM: its words with their synonyms, and what staff pinned and hid."""

from collections.abc import Callable

from django.db.models import Q

from catalog.models import Brand, Category
from catalog.search.criteria import SearchCriteria


def matches_text(criteria: SearchCriteria) -> Q:
    """The condition that a product holds every word of the text, or a synonym in its place, or is pinned."""
    condition = every_word(criteria, _holds)
    if criteria.steering.pinned:
        condition |= Q(pk__in=criteria.steering.pinned)
    if criteria.steering.hidden:
        condition &= ~Q(pk__in=criteria.steering.hidden)
    return condition


def every_word(criteria: SearchCriteria, holds: Callable[[str], Q]) -> Q:
    """The condition that each word of the text, or all words of one of its synonyms, meet the condition `holds`.

    A synonym of several words stands for each of them: (new or nyc) and (york or nyc) is (new and york) or nyc.
    """
    condition = Q()
    for word in criteria.words:
        one_of = holds(word)
        for replaced, alternatives in criteria.steering.synonyms:
            if word in replaced:
                for alternative in alternatives:
                    all_of = Q()
                    for other in alternative:
                        all_of &= holds(other)
                    one_of |= all_of
        condition &= one_of
    return condition


def _holds(word: str) -> Q:
    """The condition that a product's own texts, its brand or its category hold the word."""
    return (
        Q(search_text__contains=word)
        | Q(brand__in=Brand.objects.filter(folded_name__contains=word))
        | Q(category__in=Category.objects.filter(folded_name__contains=word))
    )
