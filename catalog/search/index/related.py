"""Products like another one: of its category, with words of its name and values of its attributes."""

from tantivy import Query

from catalog.models import Product
from catalog.search.analysis.tokens import tokens_of
from catalog.search.index.attribute_codes import Tag, decoded
from catalog.search.index.documents import SCHEMA, VALUES, group_key
from catalog.search.index.facet_counts import columns_in_use
from catalog.search.index.grouping import groups_of
from catalog.search.index.ranking import best_ids
from catalog.search.index.store import Snapshot
from catalog.search.index.terms import all_of, any_of, but_not, term, with_ids

# How many words of the name are looked for, and what a word counts beside a value.
MAX_WORDS, NAME_BOOST = 10, 1.0
# Products that are ranked for each one that is wanted, because several may be of one group.
RANKED_EACH = 5


def related_ids(index: Snapshot, product: Product, first: int) -> list[int]:
    """The `first` products like this one, best first. Of each group one, and none of the product's own."""
    shared = [
        term("name", stem, NAME_BOOST) for stem in dict.fromkeys(tokens_of(product.name).stems.split()[:MAX_WORDS])
    ]
    shared += [Query.term_query(SCHEMA, VALUES, code) for code in _codes(index, product)]
    own = Query.term_query(SCHEMA, "group", group_key(product.pk, product.group_id))
    same_category = Query.const_score_query(Query.term_query(SCHEMA, "category", product.category_id), 0.0)
    query = but_not(all_of([same_category, any_of(shared)]), own)
    ids = best_ids(index, query, (), first * RANKED_EACH)
    groups = groups_of(index, ids)
    best: dict[int, int] = {}
    for pk in ids:
        best.setdefault(groups[pk], pk)
    return [*best.values()][:first]


def _codes(index: Snapshot, product: Product) -> list[int]:
    """The codes of the values that the product has in the index."""
    hits = index.searcher.search(with_ids([product.pk]), 1, count=False).hits
    addresses = [address for _, address in hits]
    codes = {
        int(c) for column in columns_in_use(index) for c in index.searcher.fast_field_values(column, addresses) if c
    }
    return sorted(code for code in codes if decoded(code)[0] in (Tag.VALUE, Tag.YES))
