"""Counts for facets of a grouped search. A group counts once for a value when any of its matching products has it.

Tantivy counts products only, so the values of all products are read, slice by slice. That takes time in proportion to
their number, so the snapshot keeps the results.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, pairwise
from typing import Any

from tantivy import DocAddress, Query

from catalog.search.attribute_facets import AttributeCounts
from catalog.search.criteria import SearchCriteria
from catalog.search.facets import STARS, without_own_filter
from catalog.search.index import ranking
from catalog.search.index.attribute_codes import FURTHER_COLUMNS, MORE, Tag, decoded, decoded_further
from catalog.search.index.documents import cents
from catalog.search.index.facet_counts import IndexFacetCounts, attributes_of, columns_in_use
from catalog.search.index.filters import within
from catalog.search.index.grouping import count_groups, numbers_of, slices
from catalog.search.index.terms import all_of

# The counts of one facet in one slice: of its group keys and addresses, which are added up.
SliceCounts = Callable[[list[int], list[DocAddress]], Counter[Any]]


class GroupedFacetCounts(IndexFacetCounts):
    """Implements catalog.search.facets.FacetCounts for groups."""

    def by_category(self, criteria: SearchCriteria) -> dict[tuple[int, ...], int]:
        return self._grouped(criteria, "categories")  # type: ignore[no-any-return]

    def by_brand(self, criteria: SearchCriteria) -> dict[int, int]:
        return _by_each(self._grouped(criteria, "brands"))

    def by_price(self, criteria: SearchCriteria, bounds: list[Decimal]) -> list[int]:
        # Prices are never below 0.
        cells = pairwise([0, *map(cents, bounds), None])
        ranges = (within("price", low, None if high is None else high - 1) for low, high in cells)
        return [count_groups(self._index, all_of([self._query(criteria), prices])) for prices in ranges]

    def by_rating(self, criteria: SearchCriteria) -> list[int]:
        highest = self._grouped(criteria, "ratings")
        return [sum(count for ratings, count in highest.items() if ratings[-1] >= stars) for stars in STARS]

    def in_stock(self, criteria: SearchCriteria) -> int:
        return _by_each(self._grouped(criteria, "in_stock")).get(1, 0)

    def on_sale(self, criteria: SearchCriteria) -> int:
        return _by_each(self._grouped(criteria, "on_sale")).get(1, 0)

    def by_attribute(self, criteria: SearchCriteria) -> AttributeCounts:
        return self._grouped(criteria, "attributes")  # type: ignore[no-any-return]

    def _attribute_counts(self, codes: Mapping[tuple[int | None, int], int]) -> AttributeCounts:
        counts = AttributeCounts()
        for (tag, key), count in codes.items():
            if tag is None:
                counts.attributes[key] = count
            elif tag == Tag.VALUE:
                if attribute := self._index.attribute_of.get(key):
                    counts.values.setdefault(attribute, {})[key] = count
            elif tag in (Tag.NO, Tag.YES):
                counts.booleans[key, tag == Tag.YES] = count
        return counts

    def _grouped(self, criteria: SearchCriteria, facet: str) -> Any:
        """The counts of a facet, made together with those of all wanted facets that have the same criteria."""
        results = self._kept(criteria)
        if f"grouped {facet}" not in results:
            same = criteria.without_sort
            names = self._names - {"price"}
            together = [n for n in names if without_own_filter(self._criteria, n).without_sort == same]
            wanted = {name: self._counting(name, criteria) for name in {facet, *together}}
            sums: dict[str, Any] = {**self._sums(criteria, wanted)}
            if "attributes" in sums:
                sums["attributes"] = self._attribute_counts(sums["attributes"])
            results |= {f"grouped {name}": counts for name, counts in sums.items()}
        return results[f"grouped {facet}"]

    def _sums(self, criteria: SearchCriteria, wanted: Mapping[str, SliceCounts]) -> dict[str, Counter[Any]]:
        sums: dict[str, Counter[Any]] = {name: Counter() for name in wanted}
        for keys, addresses in slices(self._index, self._query(criteria)):
            for name, counts in wanted.items():
                sums[name].update(counts(keys, addresses))
        return sums

    def _counting(self, facet: str, criteria: SearchCriteria) -> SliceCounts:
        fields = {"categories": "category", "brands": "brand", "ratings": "rating_low"}
        if facet == "attributes":
            return lambda keys, addresses: self._attributes(criteria, keys, addresses)
        field = fields.get(facet, facet)
        return lambda keys, addresses: combinations(keys, numbers_of(self._index, field, addresses))

    def _attributes(self, criteria: SearchCriteria, keys: list[int], addresses: list[DocAddress]) -> Counter[Any]:
        """Counts by (tag, key) of codes, and by (None, attribute)."""
        columns = [numbers_of(self._index, column, addresses) for column in columns_in_use(self._index)]
        # Products of one group follow each other, so each group's codes are gathered at once.
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
        counts = Counter(chain.from_iterable(codes_of.values()))
        # In place of codes that a product has fewer of than there are columns.
        counts.pop(None, 0)
        tagged = {code: decoded(code) for code in counts if code is not None}
        of_values = attributes_of(self._index, [key for tag, key in tagged.values() if tag == Tag.VALUE])
        attribute_of: dict[int | None, int] = {code: key for code, (_, key) in tagged.items()}
        for code, (tag, key) in tagged.items():
            if tag == Tag.VALUE:
                attribute_of[code] = of_values.get(key, 0)
            elif tag == Tag.FURTHER:
                attribute_of[code], _ = decoded_further(key)
        attribute_of[None] = 0
        sums: Counter[Any] = Counter({tagged[code]: count for code, count in counts.items() if code is not None})
        having = Counter(chain.from_iterable({*map(attribute_of.__getitem__, codes)} for codes in codes_of.values()))
        sums.update({(None, attribute): count for attribute, count in having.items()})
        return sums

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


def combinations(keys: Sequence[int], values: Sequence[int]) -> Counter[tuple[int, ...]]:
    """How many groups have each combination of values, in order. Nearly all have one value."""
    last, pairs = dict(zip(keys, values, strict=True)), set(zip(keys, values, strict=True))
    others: dict[int, set[int]] = {}
    if len(pairs) > len(last):
        for key, value in pairs - last.items():
            others.setdefault(key, {last[key]}).add(value)
    counts: Counter[tuple[int, ...]] = Counter((value,) for key, value in last.items() if key not in others)
    counts.update(tuple(sorted(several)) for several in others.values())
    return counts


def _by_each(combinations: Mapping[tuple[int, ...], int]) -> dict[int, int]:
    """How many groups have each value."""
    counts: dict[int, int] = {}
    for values, count in combinations.items():
        for value in values:
            counts[value] = counts.get(value, 0) + count
    return counts
