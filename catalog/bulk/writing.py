"""Writes one batch of a bulk change, or of its undoing. To be called in the transaction that counts it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.bulk.models import BulkChange, Kind
from catalog.bulk.rules import Stay, fields_of, rule_of
from catalog.models import Brand, Category, Product
from core.history.models import Change


class Refused(Exception):
    """The change cannot go on. The text says why."""


@dataclass
class Outcome:
    """How many products of a batch were changed, and the keys of the others by the reason why they stay."""

    changed: int = 0
    stays: dict[Stay, list[int]] = field(default_factory=lambda: defaultdict(list))


def change_products(change: BulkChange, ids: Sequence[int]) -> Outcome:
    """Does to these products what the change says. Raises Refused when its category or brand is gone."""
    rule, names = rule_of(change.kind, change.options), fields_of(change.kind)
    products = _locked(ids, names)
    model = {Kind.MOVE: Category, Kind.SET_BRAND: Brand}.get(Kind(change.kind))
    # Looked up after the lock: on MySQL the first plain SELECT fixes what all later ones see.
    if model is not None and not model._default_manager.filter(pk=change.options["id"]).exists():
        raise Refused(f"The {model._meta.verbose_name} “{change.options['name']}” is not there any more.")
    outcome, changed = Outcome(), []
    for key in ids:
        product = products.get(key)
        if product is None:
            outcome.stays[Stay.GONE].append(key)
        elif isinstance(result := rule(product), Stay):
            outcome.stays[result].append(key)
        else:
            changed.append(_set(product, result))
    _save(changed, names)
    outcome.changed = len(changed)
    return outcome


def undo_products(change: BulkChange, ids: Sequence[int]) -> Outcome:
    """Puts back what the change has changed in these products, where they still are as it left them."""
    names = fields_of(change.kind)
    products = _locked(ids, names)
    rows = Change.objects.filter(model=Product._meta.label_lower, key__in=ids, via=change.via)
    values = {int(row.key): _values(row.changes, names) for row in rows}
    places = _places_that_exist(names[0], [old[names[0]] for old, _ in values.values() if names[0] in old])
    outcome, changed = Outcome(), []
    for key in ids:
        if key not in values:
            # The change left it as it was.
            continue
        old, new = values[key]
        product = products.get(key)
        if product is None:
            outcome.stays[Stay.GONE].append(key)
        elif any(getattr(product, name) != value for name, value in new.items()) or _would_clear(product, old):
            outcome.stays[Stay.CHANGED_SINCE].append(key)
        elif places is not None and old[names[0]] not in places:
            outcome.stays[Stay.PLACE_GONE].append(key)
        else:
            changed.append(_set(product, old))
    _save(changed, names)
    outcome.changed = len(changed)
    return outcome


def _locked(ids: Sequence[int], names: Sequence[str]) -> dict[int, Product]:
    """The products by key, locked in the order of their keys until the transaction ends."""
    products = Product.objects.select_for_update().filter(pk__in=ids).only("pk", *names).order_by("pk")
    return {product.pk: product for product in products}


def _set(product: Product, values: dict[str, Any]) -> Product:
    for name, value in values.items():
        setattr(product, name, value)
    return product


def _save(products: list[Product], names: Sequence[str]) -> None:
    if products:
        Product.objects.update_each(products, names)


def _values(changes: dict[str, Any], names: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a row of the history says of these columns: the values before, and after."""
    old, new = {}, {}
    for name in names:
        column: Any = Product._meta.get_field(name)
        if pair := changes.get(column.name):
            old[name], new[name] = (_stored(column, value) for value in pair)
    return old, new


def _stored(column: Any, value: Any) -> Any:
    """A value of the history as the product has it."""
    return value["id"] if isinstance(value, dict) else column.to_python(value)


def _places_that_exist(name: str, keys: Sequence[int]) -> set[int] | None:
    """Which of these categories or brands there still are; None for other columns."""
    model = {"category_id": Category, "brand_id": Brand}.get(name)
    return None if model is None else set(model._default_manager.filter(pk__in=keys).values_list("pk", flat=True))


def _would_clear(product: Product, old: dict[str, Any]) -> bool:
    """Whether the old price would take away a price before that somebody has entered since then."""
    if "price" not in old:
        return False
    before = old.get("compare_at_price", product.compare_at_price)
    return before is not None and before <= old["price"]
