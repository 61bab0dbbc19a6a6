"""The order by RELEVANCE in the database."""

from typing import Any

from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Substr
from django.db.models.lookups import Exact

from catalog.models import Product
from catalog.search.criteria import SearchCriteria
from catalog.search.sql.matching import Matching, Unit, number, sum_of
from catalog.search.sql.word_matching import END_OF_NAME
from catalog.search.strategy import MatchingStrategy, MatchLevel
from catalog.text import plain, words

# What a word adds to the rank of a product. The lowest rank comes first, so products with more of the words do.
AS_WRITTEN_IN_NAME, IN_NAME, NAMED, IN_DESCRIPTION, MISSING = 0, 2, 4, 6, 1_000
# What a product adds whose name or SKU is the text, and one whose name starts with it.
IS_TEXT, STARTS_WITH_TEXT = -100_000, -1


def ranked(
    products: QuerySet[Product], criteria: SearchCriteria, matching: Matching, level: MatchLevel
) -> QuerySet[Product]:
    """The products: pinned ones in their order, then by rank, then by id."""
    order: list[Any] = [
        sum_of([_bonus(criteria.text or ""), *(_cost(u, level) for u in matching.counted)]),
        F("id"),
    ]
    if pinned := criteria.steering.pinned:
        order.insert(0, number(*(When(pk=pk, then=place) for place, pk in enumerate(pinned)), default=len(pinned)))
    return products.order_by(*order)


def _cost(unit: Unit, level: MatchLevel) -> Case:
    in_name = number(When(unit.as_written_in_name, then=AS_WRITTEN_IN_NAME), default=IN_NAME)
    cases = [When(unit.in_name, then=in_name), When(unit.ranks_as_named, then=NAMED)]
    if level.strategy is MatchingStrategy.PARTIAL:
        return number(*cases, When(unit.anywhere, then=IN_DESCRIPTION), default=MISSING)
    return number(*cases, default=IN_DESCRIPTION)


def _bonus(text: str) -> Combinable:
    """What a name or an SKU adds as a whole."""
    equals, starts = Q(), Q()
    for spelling in dict.fromkeys((plain(text), " ".join(words(text)))):
        equals |= Q(search_text__startswith=f"{spelling}\n")
        starts |= Q(search_text__startswith=spelling)
    bonus = number(When(starts, then=number(When(equals, then=IS_TEXT), default=STARTS_WITH_TEXT)), default=0)
    if not any(c.isdigit() for c in text):
        return bonus
    second_line = f"\n{plain(text)}\n"
    is_sku = Exact(Substr(F("search_text"), END_OF_NAME, len(second_line)), second_line)
    return bonus + number(When(is_sku, then=IS_TEXT), default=0)
