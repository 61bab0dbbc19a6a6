"""Reads the history of a row, in words that people read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format

from core.history.models import Change
from core.history.recording import label_of

NOTHING = "–"
_VIA = {"admin": "admin", "graphql": "GraphQL", "rest": "REST", "server": "the server", "worker": "the worker"}


@dataclass(frozen=True)
class FieldChange:
    """What one change made of one field. `is_kept` is False where the values are not kept, such as a password's."""

    name: str
    label: str
    old: str
    new: str
    is_kept: bool = True


@dataclass(frozen=True)
class Entry:
    """One change of a row. `via` is as it was recorded; `by` is the same for people."""

    id: int
    at: datetime
    who: str
    via: str
    by: str
    kind: str
    fields: Sequence[FieldChange]


def history_of(row: Model) -> QuerySet[Change]:
    """The changes of a row, the last one first."""
    return changes_of(type(row), row.pk)


def changes_of(model: type[Model], key: Any) -> QuerySet[Change]:
    return Change.objects.filter(model=label_of(model), key=key).order_by("-pk")


def version_of(model: type[Model], key: Any) -> int:
    """A number that grows with every recorded change of the row."""
    return changes_of(model, key).values_list("pk", flat=True).first() or 0


def entries(model: type[Model], changes: Iterable[Change]) -> list[Entry]:
    """The changes of a model's rows for people. One query, for the accounts that made them."""
    changes = [*changes]
    users: Any = get_user_model()._default_manager
    actors = users.in_bulk({change.actor_id for change in changes if change.actor_id is not None})
    return [
        Entry(
            id=change.pk,
            at=change.at,
            who=_who(change, actors),
            via=change.via.removesuffix(" anonymous"),
            by=_VIA.get(via := change.via.removesuffix(" anonymous"), via),
            kind=change.get_kind_display(),
            fields=[_field_change(model, name, pair) for name, pair in change.changes.items()],
        )
        for change in changes
    ]


def _who(change: Change, actors: dict[Any, Any]) -> str:
    actor = actors.get(change.actor_id)
    if actor is not None:
        name = f"{actor.first_name} {actor.last_name}".strip()
        return f"{name} ({actor})" if name else str(actor)
    if change.via.endswith(" anonymous"):
        return "a visitor"
    return (
        "a deleted account"
        if change.via.split()[0] in ("admin", "graphql", "rest", "bulk", "undo", "import")
        else NOTHING
    )


def _field_change(model: type[Model], name: str, pair: Sequence[Any] | None) -> FieldChange:
    label = label_of_field(model, name)
    if pair is None:
        return FieldChange(name, label, "", "", is_kept=False)
    old, new = (shown(value) for value in pair)
    return FieldChange(name, label, old, new)


def label_of_field(model: type[Model], name: str) -> str:
    """What people call a field; what is no column has its name already."""
    try:
        return str(model._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
    except FieldDoesNotExist:
        return name


def shown(value: Any) -> str:
    """A recorded value for people."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return str(value.get("name", value.get("id")))
    if isinstance(value, str) and len(value) > 18 and value[4:5] == "-" and (moment := _moment(value)):
        return date_format(timezone.localtime(moment), "DATETIME_FORMAT")
    return str(value)


def _moment(text: str) -> datetime | None:
    try:
        return parse_datetime(text)
    except ValueError:
        return None
