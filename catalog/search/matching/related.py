"""Products like another one: of its category, with words of its name and values of its attributes."""

from collections.abc import Collection, Sequence
from typing import Protocol

from catalog.models import Product
from catalog.search.analysis.tokens import tokens_of
from catalog.search.attribute_codes import Tag, decoded
from catalog.search.documents import VALUES, group_key
from catalog.search.queries import ButNot, Constant, Query, Term, all_of, any_of, term

# How many words of the name are looked for, and what a word counts beside a value.
MAX_WORDS, NAME_BOOST = 10, 1.0
# Products that are ranked for each one that is wanted, because several may be of one group.
RANKED_EACH = 5


class Index(Protocol):
    """What is asked of an engine's index."""

    def codes_of(self, pk: int) -> set[int]:
        """The codes of attributes that the product has."""
        ...

    def best_ids(self, query: Query, excluded: Collection[int], size: int) -> list[int]: ...

    def groups_of(self, ids: Sequence[int]) -> dict[int, int]:
        """The group keys of products, by their ids."""
        ...


def related_ids(index: Index, product: Product, first: int) -> list[int]:
    """The `first` products like this one, best first. Of each group one, and none of the product's own."""
    shared: list[Query] = [
        term("name", stem, NAME_BOOST) for stem in dict.fromkeys(tokens_of(product.name).stems.split()[:MAX_WORDS])
    ]
    codes = sorted(code for code in index.codes_of(product.pk) if decoded(code)[0] in (Tag.VALUE, Tag.YES))
    shared += [Term(VALUES, code) for code in codes]
    own = Term("group", group_key(product.pk, product.group_id))
    same_category = Constant(Term("category", product.category_id), 0.0)
    query = ButNot(all_of([same_category, any_of(shared)]), own)
    ids = index.best_ids(query, (), first * RANKED_EACH)
    groups = index.groups_of(ids)
    best: dict[int, int] = {}
    for pk in ids:
        best.setdefault(groups[pk], pk)
    return [*best.values()][:first]
