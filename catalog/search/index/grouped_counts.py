"""Counts for facets of a grouped search. A group counts once for a value when any of its matching products has it.

Tantivy counts products. That is right for groups of which one product matches. For the others, the values of their
products are read, and the counts corrected. That takes time in proportion to these products, so the snapshot keeps the
corrections.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, compress
from operator import eq, or_
from typing import Any

from tantivy import DocAddress, Query

from catalog.search.attribute_facets import AttributeCounts
from catalog.search.criteria import SearchCriteria
from catalog.search.facets import STARS, without_own_filter
from catalog.search.index import ranking
from catalog.search.index.attribute_codes import FURTHER_COLUMNS, MORE, Tag, decoded, decoded_further
from catalog.search.index.documents import cents
from catalog.search.index.facet_counts import IndexFacetCounts, attribute_counts, attributes_of, columns_in_use
from catalog.search.index.grouping import numbers_of, slices
from catalog.search.index.terms import all_of

# What corrects the counts of one facet, for some group keys and addresses. The corrections of all parts are added up.
Correction = Callable[[list[int], list[DocAddress]], Counter[Any]]
_FIELDS = {"categories": "category", "brands": "brand", "ratings": "rating_low"}


class GroupedFacetCounts(IndexFacetCounts):
    """Implements catalog.search.facets.FacetCounts for groups."""

    def by_category(self, criteria: SearchCriteria) -> dict[tuple[int, ...], int]:
        counts = Counter(super().by_category(criteria))
        counts.update(self._corrections(criteria, "categories"))
        return +counts

    def by_brand(self, criteria: SearchCriteria) -> dict[int, int]:
        counts = Counter(super().by_brand(criteria))
        counts.update(_by_each(self._corrections(criteria, "brands")))
        return +counts

    def by_price(self, criteria: SearchCriteria, bounds: list[Decimal]) -> list[int]:
        edges = [cents(bound) for bound in bounds]

        def correction(keys: list[int], addresses: list[DocAddress]) -> Counter[Any]:
            prices = numbers_of(self._index, "price", addresses)
            return _correction(keys, [bisect_right(edges, price) for price in prices])

        cells = _by_each(self._sums(criteria, {"price": correction})["price"])
        return [count + cells.get(cell, 0) for cell, count in enumerate(super().by_price(criteria, bounds))]

    def by_rating(self, criteria: SearchCriteria) -> list[int]:
        corrections = self._corrections(criteria, "ratings")
        return [
            count + sum(correction for ratings, correction in corrections.items() if ratings[-1] >= stars)
            for stars, count in zip(STARS, super().by_rating(criteria), strict=True)
        ]

    def in_stock(self, criteria: SearchCriteria) -> int:
        return super().in_stock(criteria) + _by_each(self._corrections(criteria, "in_stock")).get(1, 0)

    def on_sale(self, criteria: SearchCriteria) -> int:
        return super().on_sale(criteria) + _by_each(self._corrections(criteria, "on_sale")).get(1, 0)

    def by_attribute(self, criteria: SearchCriteria) -> AttributeCounts:
        corrections: Counter[tuple[str, int]] = self._corrections(criteria, "attributes")
        of_kind: dict[str, dict[int, int]] = {"products": {}, "groups": {}, "attributes": {}}
        for (kind, key), count in corrections.items():
            of_kind[kind][key] = count
        products = attribute_counts(self._index, of_kind["products"])
        groups = attribute_counts(self._index, of_kind["groups"])
        groups.attributes = of_kind["attributes"]
        return super().by_attribute(criteria).corrected(products, groups)

    def _corrections(self, criteria: SearchCriteria, facet: str) -> Counter[Any]:
        """What corrects a facet, read together with that of all wanted facets that have the same criteria."""
        results = self._kept(criteria)
        name = f"corrections of {facet}"
        if name not in results:
            same = criteria.without_sort
            names = self._names - {"price"}
            together = [n for n in names if without_own_filter(self._criteria, n).without_sort == same]
            sums = self._sums(criteria, {n: self._correction_of(n, criteria) for n in {facet, *together}})
            results |= {f"corrections of {n}": counts for n, counts in sums.items()}
        return results[name]  # type: ignore[no-any-return]

    def _sums(self, criteria: SearchCriteria, wanted: Mapping[str, Correction]) -> dict[str, Counter[Any]]:
        sums: dict[str, Counter[Any]] = {name: Counter() for name in wanted}
        for keys, addresses in slices(self._index, self._query(criteria)):
            # Products of one group follow each other.
            as_next = [*map(eq, keys, keys[1:]), False]
            is_repeated = [*map(or_, as_next, [False, *as_next])]
            repeated_keys, repeated = [*compress(keys, is_repeated)], [*compress(addresses, is_repeated)]
            for name, correction in wanted.items() if repeated else ():
                sums[name].update(correction(repeated_keys, repeated))
        return sums

    def _correction_of(self, facet: str, criteria: SearchCriteria) -> Correction:
        if facet == "attributes":
            return lambda keys, addresses: self._of_attributes(criteria, keys, addresses)
        field = _FIELDS.get(facet, facet)
        # Ratings count from their whole stars on.
        return lambda keys, addresses: _correction(keys, [*map(int, numbers_of(self._index, field, addresses))])

    def _of_attributes(
        self, criteria: SearchCriteria, keys: list[int], addresses: list[DocAddress]
    ) -> Counter[tuple[str, int]]:
        """How many products and how many groups have each code, and how many groups have each attribute."""
        columns = [numbers_of(self._index, column, addresses) for column in columns_in_use(self._index)]
        of_products: Counter[int | None] = Counter()
        for column in columns:
            of_products.update(column)
        codes_of: dict[int, set[int | None]] = {}
        of_group, last = set[int | None](), 0
        for key, codes in zip(keys, zip(*columns, strict=True), strict=True) if columns else ():
            if key == last:
                of_group.update(codes)
            else:
                codes_of[key] = of_group = set(codes)
                last = key
        for key, code in self._further_codes(criteria):
            if key in codes_of:
                codes_of[key].add(code)
                of_products[code] += 1
        of_groups = Counter(chain.from_iterable(codes_of.values()))
        attribute_of = self._attribute_of(of_groups)
        having = Counter(chain.from_iterable({*map(attribute_of.__getitem__, codes)} for codes in codes_of.values()))
        # None is in place of codes that a product has fewer of than there are columns.
        return Counter(
            {
                (kind, key): count
                for kind, counts in (("products", of_products), ("groups", of_groups), ("attributes", having))
                for key, count in counts.items()
                if key is not None
            }
        )

    def _attribute_of(self, codes: Mapping[int | None, int]) -> dict[int | None, int | None]:
        """The attribute of each code."""
        tagged = {code: decoded(code) for code in codes if code is not None}
        of_values = attributes_of(self._index, [key for tag, key in tagged.values() if tag == Tag.VALUE])
        attribute_of: dict[int | None, int | None] = {None: None}
        for code, (tag, key) in tagged.items():
            if tag == Tag.VALUE:
                attribute_of[code] = of_values.get(key)
            else:
                attribute_of[code] = decoded_further(key)[0] if tag == Tag.FURTHER else key
        return attribute_of

    def _further_codes(self, criteria: SearchCriteria) -> Iterator[tuple[int, int]]:
        """Group keys and codes that products have beyond the columns that all are read in. Few have any."""
        query = all_of([self._query(criteria), Query.exists_query(MORE)])
        if not (size := ranking.count(self._index, query)):
            return
        hits = self._index.searcher.search(query, size, count=False, order_by_field="group").hits
        addresses = [address for _, address in hits]
        for column in FURTHER_COLUMNS:
            codes = self._index.searcher.fast_field_values(column, addresses)
            pairs = [(key, int(code)) for (key, _), code in zip(hits, codes, strict=True) if code is not None]
            # The columns are filled in order.
            if not pairs:
                return
            yield from pairs


def _correction(keys: Sequence[int], values: Sequence[int]) -> Counter[tuple[int, ...]]:
    """How many groups have each combination of values, in order, less the products that have each value."""
    last, pairs = dict(zip(keys, values, strict=True)), set(zip(keys, values, strict=True))
    others: dict[int, set[int]] = {}
    if len(pairs) > len(last):
        for key, value in pairs - last.items():
            others.setdefault(key, {last[key]}).add(value)
    counts: Counter[tuple[int, ...]] = Counter()
    if others:
        counts.update(tuple(sorted(several)) for several in others.values())
        last = {key: value for key, value in last.items() if key not in others}
    for value, count in Counter(last.values()).items():
        counts[value,] += count
    for value, count in Counter(values).items():
        counts[value,] -= count
    return counts


def _by_each(corrections: Mapping[tuple[int, ...], int]) -> dict[int, int]:
    """The corrections by each value."""
    sums: dict[int, int] = {}
    for values, count in corrections.items():
        for value in values:
            sums[value] = sums.get(value, 0) + count
    return sums
