"""What a bulk change would do, and what one did, as its page shows it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from catalog.bulk.models import BulkChange, Kind
from catalog.bulk.rules import PriceOptions, State, Stay, fields_of, rule_of
from catalog.category_tree import CategoryTree
from catalog.models import Brand, Product
from core.history.models import Change
from core.money import money

MAX_SHOWN = 10
# Batches whose products are read by one query.
_BATCHES = 25
LABELS = {
    "is_active": "state",
    "category_id": "category",
    "brand_id": "brand",
    "price": "price",
    "compare_at_price": "price before",
}


@dataclass(frozen=True)
class StayLine:
    """Products that stay as they are: why, how many, and the first of them as (key, name, who changed it when)."""

    reason: str
    count: int
    products: list[tuple[int, str, str]]

    @property
    def more(self) -> int:
        """How many products are not named."""
        return self.count - len(self.products)


@dataclass
class Preview:
    """How many products would change, the first of them, and which would stay.

    An example is the product's key and name, and of each field its label and the texts before and after.
    """

    changed: int = 0
    examples: list[tuple[int, str, list[tuple[str, str, str]]]] = field(default_factory=list)
    stays: list[StayLine] = field(default_factory=list)


def preview_of(change: BulkChange) -> Preview:
    """What the change would do by now. Reads its products once, the columns in question only."""
    rule = rule_of(change.kind, change.options)
    preview, stays = Preview(), dict[str, dict[str, Any]]()
    first: list[tuple[State, dict[str, Any]]] = []
    for ids in _batches(change):
        states = {
            row[0]: State(*row) for row in Product.objects.filter(pk__in=ids).order_by().values_list(*State._fields)
        }
        for key in ids:
            result = rule(states[key]) if key in states else Stay.GONE
            if isinstance(result, Stay):
                line = stays.setdefault(result.value, {"count": 0, "ids": []})
                line["count"] += 1
                if len(line["ids"]) < MAX_SHOWN:
                    line["ids"].append(key)
            else:
                preview.changed += 1
                if len(first) < MAX_SHOWN:
                    first.append((states[key], result))
    preview.examples = _examples(change, first)
    preview.stays = stay_lines(stays)
    return preview


def stay_lines(stays: dict[str, Any], notes: dict[int, str] | None = None) -> list[StayLine]:
    """The lines of what BulkChange.stays has, the most first. `notes` are about products, by their keys."""
    names, notes = _names(key for line in stays.values() for key in line["ids"]), notes or {}
    lines = [
        StayLine(
            Stay(reason).label,
            line["count"],
            [(key, names[key], notes.get(key, "")) for key in line["ids"] if key in names],
        )
        for reason, line in stays.items()
    ]
    return sorted(lines, key=lambda line: -line.count)


def left_lines(change: BulkChange) -> list[StayLine]:
    """The products that undoing has left as they were, and who had changed them meanwhile."""
    stays = dict(change.undo_stays)
    keys = stays.get(Stay.CHANGED_SINCE.value, {"ids": []})["ids"]
    lines = stay_lines(stays, _last_changes(change, keys))
    forgotten = change.changed - change.undone - sum(line.count for line in lines)
    if change.status == BulkChange.Status.DONE and forgotten > 0:
        lines.append(StayLine(Stay.FORGOTTEN.label, forgotten, []))
    return lines


def _last_changes(change: BulkChange, keys: Sequence[int]) -> dict[int, str]:
    """By product: who changed last what the bulk change had changed, and when."""
    columns = {Product._meta.get_field(name).name for name in fields_of(change.kind)}
    rows = Change.objects.filter(model=Product._meta.label_lower, key__in=keys, at__gte=change.created_at)
    notes: dict[int, str] = {}
    for row in rows.select_related("actor").order_by("id"):
        if row.via == change.via:
            notes.pop(row.key, None)
        elif row.via != change.undo_via and columns & row.changes.keys():
            moment = date_format(timezone.localtime(row.at), "DATETIME_FORMAT")
            notes[row.key] = f"by {row.actor or 'nobody that is known'} ({row.via}), {moment}"
    return notes


def description_of(change: BulkChange) -> str:
    """What the change does, in a few words."""
    options = change.options
    if not change.is_chosen or not options:
        return str(change.get_kind_display())
    if change.kind == Kind.MOVE:
        return f"Move to “{options['name']}”"
    if change.kind == Kind.SET_BRAND:
        return f"Set the brand “{options['name']}”"
    percent = PriceOptions.of(options).percent
    return f"{'Lower' if percent < 0 else 'Raise'} prices by {abs(percent).normalize():f} %"


def details_of(change: BulkChange) -> list[str]:
    """What else was chosen for the prices."""
    if change.kind != Kind.CHANGE_PRICES or not change.is_chosen:
        return []
    chosen = PriceOptions.of(change.options)
    return [f"Rounded {chosen.direction.label}: {chosen.rounding}", f"Price before: {chosen.before.label.lower()}"]


def _examples(
    change: BulkChange, first: Sequence[tuple[State, dict[str, Any]]]
) -> list[tuple[int, str, list[tuple[str, str, str]]]]:
    names = _names(state.pk for state, _ in first)
    texts = _Texts(change, [state for state, _ in first])
    return [
        (
            state.pk,
            names.get(state.pk, ""),
            [
                (LABELS[name], texts.of(name, getattr(state, name)), texts.of(name, values[name]))
                for name in fields_of(change.kind)
                if name in values
            ],
        )
        for state, values in first
    ]


class _Texts:
    """Values of fields as a page shows them."""

    def __init__(self, change: BulkChange, states: Sequence[State]) -> None:
        self._tree = CategoryTree.load() if change.kind == Kind.MOVE else None
        self._brands: dict[int, str] = {}
        if change.kind == Kind.SET_BRAND:
            keys = {change.options["id"], *(state.brand_id for state in states)}
            self._brands = dict(Brand.objects.filter(pk__in=keys).values_list("pk", "name"))

    def of(self, name: str, value: Any) -> str:
        if value is None:
            return "–"
        if name == "is_active":
            return "in the shop" if value else "archived"
        if name == "brand_id":
            return self._brands.get(value, "–")
        if name == "category_id":
            category = self._tree.by_id.get(value) if self._tree else None
            return " > ".join(each.name for each in self._tree.path(category)) if self._tree and category else "–"
        return money(value)


def _names(keys: Iterable[int]) -> dict[int, str]:
    wanted = list(keys)
    return dict(Product.objects.filter(pk__in=wanted).order_by().values_list("pk", "name")) if wanted else {}


def _batches(change: BulkChange) -> Iterable[list[int]]:
    """The keys of the change's products, some batches at once."""
    keys: list[int] = []
    lists = change.batches.order_by("number").values_list("product_ids", flat=True)
    for number, some in enumerate(lists.iterator(chunk_size=_BATCHES), start=1):
        keys += some
        if number % _BATCHES == 0:
            yield keys
            keys = []
    if keys:
        yield keys
