"""Records what bulk writes change in the tracked fields of a model; core.history.recording records the rest."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any, TypeVar, cast

from django.db import connections, models, transaction

from core.db.rows import write_rows
from core.history.recording import CHUNK_ROWS, compare, later, read, tracked

Row = TypeVar("Row", bound=models.Model)


class TrackedQuerySet(models.QuerySet[Row]):
    """Writes as Django's, and records what changes. It reads nothing when no tracked field is written."""

    def update(self, **values: Any) -> int:
        info = tracked(self.model)
        fields = info.among(values) if info is not None else []
        if info is None or not fields:
            return super().update(**values)
        with transaction.atomic(using=self.db, savepoint=False):
            stored = read(self, fields, info.moving)
            if stored and info.moving:
                values[info.moving] = later(*(moment for moment, *_ in stored.values()))
            updated = super().update(**values)
            given = [values.get(field.name, values.get(field.attname)) for field in fields]
            new = tuple(value.pk if isinstance(value, models.Model) else value for value in given)
            if any(hasattr(value, "resolve_expression") for value in new):
                rows = self.model._base_manager.using(self.db).filter(pk__in=stored)
                after = {pk: tuple(some[1:]) for pk, some in read(rows, fields, "").items()}
            else:
                after = dict.fromkeys(stored, new)
            compare(self.model, fields, {pk: some[1:] for pk, some in stored.items()}, after, self.db)
        return updated

    update.alters_data = True  # type: ignore[attr-defined]

    def update_each(self, rows: Sequence[Row], names: Sequence[str], *, clear: Collection[str] = ()) -> None:
        """Writes these fields of each row, ten times as fast as `bulk_update`, which compares all keys.

        `clear` are fields in which rows may swap unique values. They are set to null first, because a unique index is
        checked row by row.
        """
        connection, meta = connections[self.db], cast(Any, self.model._meta)
        info, plain = tracked(self.model), self.model._base_manager.using(self.db)
        fields = info.among(names) if info is not None else []
        moving = info.moving if info is not None and fields else ""
        columns = [meta.get_field(name) for name in dict.fromkeys([*names, *([moving] if moving else [])])]
        before: dict[Any, Any] = {}
        with transaction.atomic(using=self.db, savepoint=False):
            for chunk in _chunks(rows):
                some = plain.filter(pk__in=[row.pk for row in chunk])
                if fields:
                    before |= read(some, fields, moving)
                if clear:
                    some.update(**dict.fromkeys(clear))
            for chunk in _chunks(rows):
                if moving:
                    moment = later(*(before[row.pk][0] for row in chunk if row.pk in before))
                    for row in chunk:
                        setattr(row, moving, moment)
                values = [
                    [row.pk, *(field.get_db_prep_save(getattr(row, field.attname), connection) for field in columns)]
                    for row in chunk
                ]
                write_rows(connection, meta.db_table, [meta.pk.column, *(field.column for field in columns)], values)
            old = {pk: values[1:] for pk, values in before.items()}
            new = {row.pk: tuple(getattr(row, field.attname) for field in fields) for row in rows}
            compare(self.model, fields, old, new, self.db)

    update_each.alters_data = True  # type: ignore[attr-defined]


def _chunks(rows: Sequence[Row]) -> Any:
    rest = iter(rows)
    return iter(lambda: [*islice(rest, CHUNK_ROWS)], [])
