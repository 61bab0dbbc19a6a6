"""Makes counts of attributes and values of those of codes, by which an index counts them."""

from collections import Counter
from collections.abc import Collection, Mapping

from catalog.attributes.models import AttributeValue
from catalog.search.attribute_codes import Tag, decoded, decoded_further
from catalog.search.attribute_facets import CHUNK_KEYS, AttributeCounts


def attribute_counts(attribute_of: dict[int, int], codes: Mapping[int, int]) -> AttributeCounts:
    """The counts of attributes and values, from those of codes.

    `attribute_of` are the attributes of values that are known. Those of others are looked up and added.
    """
    counts = AttributeCounts()
    attributes: Counter[int] = Counter()
    # There may be a hundred thousand values, so they are told apart by numbers here.
    of_values = {key: count for number, count in codes.items() for tag, key in [decoded(number)] if tag == Tag.VALUE}
    attributes_of(attribute_of, of_values)
    for key, count in of_values.items():
        # A value that is unknown was deleted a moment ago.
        if attribute := attribute_of.get(key):
            counts.values.setdefault(attribute, {})[key] = count
    for attribute, values in counts.values.items():
        attributes[attribute] = sum(values.values())
    for number, count in codes.items():
        tag, key = decoded(number)
        if tag == Tag.FURTHER:
            attribute, num_further = decoded_further(key)
            attributes[attribute] -= count * num_further
        elif tag != Tag.VALUE:
            attributes[key] += count
            if tag != Tag.NUMBER:
                counts.booleans[key, tag == Tag.YES] = count
    counts.attributes = dict(attributes)
    return counts


def attributes_of(known: dict[int, int], values: Collection[int]) -> dict[int, int]:
    """The attribute that each of these values is of. Makes a query for those that are not known yet."""
    unknown = sorted({*values} - known.keys())
    for start in range(0, len(unknown), CHUNK_KEYS):
        rows = AttributeValue.objects.filter(pk__in=unknown[start : start + CHUNK_KEYS]).order_by()
        known.update(rows.values_list("id", "attribute_id"))
    return known
