"""Records in the history of products which values of attributes they had before, and have now."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from catalog.attributes.models import Attribute, AttributeValue, ProductAttribute, text_of
from catalog.models import Product
from core.history.recording import record_each

# What the history calls a field that is an attribute, before its name.
PREFIX = "attribute: "
Rows = Sequence[ProductAttribute]


def record_rows(changed: Mapping[int, tuple[Rows, Rows]]) -> None:
    """Records the rows of each product before and after, by its key: two queries for all."""
    rows = [row for pair in changed.values() for rows in pair for row in rows]
    if not changed:
        return
    attributes = Attribute.objects.in_bulk({row.attribute_id for row in rows})
    texts: dict[int | None, str] = {
        row.value_id: row.value.text for row in rows if "value" in row._state.fields_cache and row.value
    }
    texts.update(_texts({row.value_id for row in rows if row.value_id and row.value_id not in texts}))

    def shown(rows: Rows) -> dict[int, str]:
        values: dict[int, list[str]] = defaultdict(list)
        for row in rows:
            text = text_of(texts.get(row.value_id), row.number, row.boolean)
            values[row.attribute_id].append(f"{text} {attributes[row.attribute_id].unit}".rstrip())
        return {attribute: ", ".join(sorted(some)) for attribute, some in values.items()}

    changes: dict[int, dict[str, tuple[str | None, str | None]]] = {}
    for pk, (before, after) in changed.items():
        old, new = shown(before), shown(after)
        changes[pk] = {
            f"{PREFIX}{attributes[attribute].name}": (old.get(attribute), new.get(attribute))
            for attribute in {**old, **new}
            if old.get(attribute) != new.get(attribute)
        }
    record_each(Product, changes)


def _texts(keys: set[int]) -> dict[int | None, str]:
    return dict(AttributeValue.objects.filter(pk__in=keys).values_list("pk", "text")) if keys else {}
