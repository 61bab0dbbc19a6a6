"""Records who changed which row from what to what, in the transaction of the change.

`track` names the fields of a model. From then on `save` and `delete` record by signals, and bulk writes by the model's
manager (core.history.querysets). What is no column is recorded by `record`. SQL past the ORM is not recorded.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import wraps
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections, models, router, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save
from django.utils import timezone

from core.db.rows import insert_rows
from core.history.ambient import current
from core.history.models import Change

# Characters that are kept of a text.
MAX_TEXT = 500
# Rows in one statement.
CHUNK_ROWS = 1000
# Rows of the history in one statement. The longest ones then stay below MySQL's default packet of 16 MB.
BATCH = 250
Kind = Change.Kind
# By the name of a field: its value before and after.
Changes = Mapping[str, tuple[Any, Any] | None]
# The values of a row, as many as fields are asked for.
Values = tuple[Any, ...]


@dataclass(frozen=True)
class Tracked:
    """What is recorded of a model. `secret`: only that it changed. `personal`: forgotten with the row.

    `moving`: the time of the last change, which every recorded change moves forward.
    """

    fields: Mapping[str, models.Field[Any, Any]]
    secret: Collection[str]
    personal: Collection[str]
    moving: str

    def among(self, names: Iterable[str]) -> list[models.Field[Any, Any]]:
        """The tracked fields among these, which are named as the field or as its column."""
        return [*dict.fromkeys(self.fields[name] for name in names if name in self.fields)]


_COLUMNS = ("model", "key", "kind", "changes", "actor_id", "via", "at")
_tracked: dict[type[models.Model], Tracked] = {}


def track(
    model: type[models.Model],
    fields: Iterable[str],
    *,
    many: Iterable[str] = (),
    secret: Collection[str] = (),
    personal: Collection[str] = (),
    moving: str = "",
) -> None:
    """Records from now on what changes in these fields, and in these relations to many. For an app's ready()."""
    by_name: dict[str, models.Field[Any, Any]] = {}
    for name in fields:
        field: Any = model._meta.get_field(name)
        by_name |= {field.name: field, field.attname: field}
    _tracked[model] = Tracked(by_name, secret, personal, moving)
    model.save_base = _in_transaction(model.save_base)  # type: ignore[method-assign]
    uid = f"history of {model.__name__}"
    pre_save.connect(_before_save, sender=model, dispatch_uid=uid)
    post_save.connect(_after_save, sender=model, dispatch_uid=uid)
    post_delete.connect(_after_delete, sender=model, dispatch_uid=uid)
    for name in many:
        relation: Any = model._meta.get_field(name)
        recorder, of_relation = _Many(model, name), f"{uid}: {name}"
        m2m_changed.connect(recorder, sender=relation.remote_field.through, weak=False, dispatch_uid=of_relation)
        pre_delete.connect(recorder.lose, sender=relation.related_model, weak=False, dispatch_uid=of_relation)


def _in_transaction(save_base: Callable[..., None]) -> Callable[..., None]:
    """Django sends its signals before and after the transaction of a save."""

    @wraps(save_base)
    def save(self: models.Model, *args: Any, using: str | None = None, **kwargs: Any) -> None:
        using = using or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using, savepoint=False):
            save_base(self, *args, using=using, **kwargs)

    return save


def tracked(model: type[models.Model]) -> Tracked | None:
    return _tracked.get(model)


def label_of(model: type[models.Model]) -> str:
    return model._meta.label_lower


def read(rows: models.QuerySet[Any], fields: Iterable[models.Field[Any, Any]], moving: str) -> dict[Any, Values]:
    """The values of the rows by their keys, the time of the last change first; the rows stay locked."""
    names = [field.attname for field in fields]
    columns = rows.order_by("pk").select_for_update().values_list("pk", *([moving] if moving else ["pk"]), *names)
    return {pk: values for pk, *values in map(tuple, columns)}  # type: ignore[misc]


def later(*moments: datetime) -> datetime:
    """The present, or one microsecond after the latest of these moments if that is later."""
    return max(timezone.now(), *(moment + timedelta(microseconds=1) for moment in moments))


def compare(
    model: type[models.Model],
    fields: Collection[models.Field[Any, Any]],
    before: Mapping[Any, Values],
    after: Mapping[Any, Values],
    using: str | None = None,
) -> None:
    """Records what differs between the values of `fields` before and after, by the keys of the rows."""
    changed: dict[Any, dict[str, Any]] = defaultdict(dict)
    for pk, old in before.items():
        new = after.get(pk)
        if new is None:
            continue
        for field, was, now in zip(fields, old, new, strict=True):
            now = field.to_python(now)
            if was != now:
                changed[pk][field.name] = was, now
    if changed:
        _write(model, _readable(model, changed), using=using)


def _readable(model: type[models.Model], changed: Mapping[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """The pairs of values as they are stored. One query for each foreign key that changed."""
    info = _tracked[model]
    keys: dict[str, set[Any]] = defaultdict(set)
    for changes in changed.values():
        for name, pair in changes.items():
            if info.fields[name].is_relation:
                keys[name] |= {*pair} - {None}
    related: dict[str, Mapping[Any, Any]] = {
        name: info.fields[name].related_model._base_manager.in_bulk(some)  # type: ignore[union-attr]
        for name, some in keys.items()
    }

    def shown(name: str, value: Any) -> Any:
        if value is None:
            return None
        if name in related:
            return {"id": value, "name": bounded(str(related[name].get(value, f"#{value}")))}
        if isinstance(value, Decimal):
            return f"{value:.{info.fields[name].decimal_places}f}"  # type: ignore[attr-defined]
        if isinstance(value, datetime):
            return value.isoformat()
        return bounded(value)

    return {
        pk: {
            name: None if name in info.secret else [shown(name, value) for value in pair]
            for name, pair in changes.items()
        }
        for pk, changes in changed.items()
    }


def bounded(value: Any) -> Any:
    """The value; of a text at most MAX_TEXT characters."""
    return f"{value[: MAX_TEXT - 1]}…" if isinstance(value, str) and len(value) > MAX_TEXT else value


def record(model: type[models.Model], key: Any, changes: Changes) -> None:
    """Records a change of one row that is not in its own columns. Call it in the transaction of the change."""
    record_each(model, {key: changes})


def record_each(model: type[models.Model], changes: Mapping[Any, Changes]) -> None:
    """The same of several rows, by their keys. The times of their last changes move, past instances in memory."""
    _write(model, changes)
    if moving := _tracked[model].moving:
        keys = iter(changes)
        while some := [*islice(keys, CHUNK_ROWS)]:
            rows = model._base_manager.filter(pk__in=some)
            rows.update(**{moving: later(*(moment for (moment,) in read(rows, (), moving).values()))})


def _write(
    model: type[models.Model], changes: Mapping[Any, Changes], *, kind: str = Kind.CHANGE, using: str | None = None
) -> None:
    label, now = label_of(model), timezone.now()
    actor, via = current()
    if kind == Kind.DELETE and model is get_user_model() and not model._base_manager.filter(pk=actor or 0).exists():
        # Whoever deletes their own account is no longer there to be named.
        actor = None
    connection = connections[using or router.db_for_write(Change)]
    at = connection.ops.adapt_datetimefield_value(now)
    rows = [
        (label, key, str(kind), json.dumps(_stored(fields), cls=DjangoJSONEncoder), actor, via, at)
        for key, fields in changes.items()
    ]
    # Half the time of `bulk_create`, which would be a good part of an import's.
    insert_rows(connection, Change._meta.db_table, _COLUMNS, rows)


def _stored(changes: Changes) -> dict[str, Any]:
    return {bounded(name): pair and [bounded(value) for value in pair] for name, pair in changes.items()}


def erase(model: type[models.Model], key: Any, using: str | None = None) -> None:
    """Forgets the personal data in the history of a row, and nothing else. Call it where an account is erased."""
    info = _tracked[model]
    kept = []
    for change in Change.objects.using(using).filter(model=label_of(model), key=key).order_by("pk"):
        if forgotten := {name: None for name in info.personal if change.changes.get(name)}:
            change.changes |= forgotten
            kept.append(change)
    Change.objects.using(using).bulk_update(kept, ["changes"], batch_size=BATCH)


def _before_save(
    sender: Any, instance: Any, raw: bool, using: str, update_fields: Collection[str] | None, **_: Any
) -> None:
    instance.__dict__.pop("_history", None)
    if raw or instance.pk is None:
        return
    if update_fields is None:
        update_fields = {field.attname for field in sender._meta.concrete_fields} - instance.get_deferred_fields()
    info = _tracked[sender]
    if fields := info.among(update_fields):
        stored = read(sender._base_manager.using(using).filter(pk=instance.pk), fields, info.moving)
        if instance.pk in stored:
            moment, *old = stored[instance.pk]
            if info.moving:
                # The field itself adds a microsecond (core.db.fields.MovingDateTimeField).
                setattr(instance, info.moving, max(getattr(instance, info.moving) or moment, moment))
            instance.__dict__["_history"] = fields, old


def _after_save(sender: Any, instance: Any, created: bool, raw: bool, using: str, **_: Any) -> None:
    fields, old = instance.__dict__.pop("_history", ((), ()))
    if raw:
        return
    if created:
        _write(sender, {instance.pk: {}}, kind=Kind.ADD, using=using)
    elif fields:
        new = tuple(getattr(instance, field.attname) for field in fields)
        if any(hasattr(value, "resolve_expression") for value in new):
            new = read(sender._base_manager.using(using).filter(pk=instance.pk), fields, "")[instance.pk][1:]
        compare(sender, fields, {instance.pk: old}, {instance.pk: new}, using)


def _after_delete(sender: Any, instance: Any, using: str, **_: Any) -> None:
    info = _tracked[sender]
    fields = [field for field in info.among(info.fields) if field.name not in {*info.secret, *info.personal}]
    values = {field.name: (getattr(instance, field.attname), None) for field in fields}
    filled = {name: pair for name, pair in values.items() if pair[0] not in (None, "")}
    _write(sender, _readable(sender, {instance.pk: filled}), kind=Kind.DELETE, using=using)
    if info.personal:
        erase(sender, instance.pk, using)


class _Many:
    """Records what a relation to many gains and loses, seen from either side."""

    def __init__(self, model: type[models.Model], name: str) -> None:
        self.model, self.name = model, name

    def lose(self, instance: Any, using: str, **_: Any) -> None:
        """Records that every row loses one that is about to be deleted."""
        self(instance, "pre_clear", True, self.model, None, using)

    def __call__(
        self, instance: Any, action: str, reverse: bool, model: Any, pk_set: set[Any] | None, using: str, **_: Any
    ) -> None:
        if action not in ("post_add", "pre_remove", "pre_clear"):
            return
        field: Any = self.model._meta.get_field(self.name)
        through, own = field.remote_field.through._base_manager.using(using), field.m2m_field_name()
        other = field.m2m_reverse_field_name()
        rows = through.filter(**{(other if reverse else own): instance.pk})
        if pk_set is not None:
            rows = rows.filter(**{f"{own if reverse else other}__in": pk_set})
        pairs = [*rows.values_list(f"{own}_id", f"{other}_id")]
        names = field.related_model._base_manager.using(using).in_bulk({pk for _, pk in pairs})
        by_key: dict[Any, list[str]] = defaultdict(list)
        for key, pk in pairs:
            by_key[key].append(str(names[pk]))
        texts = {key: ", ".join(sorted(some)) for key, some in by_key.items()}
        is_gain = action == "post_add"
        _write(
            self.model,
            {key: {self.name: (None, text) if is_gain else (text, None)} for key, text in texts.items()},
            using=using,
        )
