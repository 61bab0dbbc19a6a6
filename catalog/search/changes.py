"""Records changes for the search index: one row each, written in the transaction that makes the change.

Changes of products, brands, categories, attributes and their values are recorded on `save` and `delete` by signals, and
on bulk writes by the models' manager. SQL past the ORM is not recorded; after that, run `manage.py rebuild_index`.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar

from django.db import connections, models, transaction
from django.dispatch import Signal
from django.utils import timezone

from core.history.querysets import TrackedQuerySet
from core.history.recording import CHUNK_ROWS

# Keys in one statement.
CHUNK_KEYS = CHUNK_ROWS
# Sent once after the commit of a transaction that recorded changes.
changes_committed = Signal()

Row = TypeVar("Row", bound=models.Model)


class IndexChange(models.Model):
    """A row that the index shows and that was created, changed or deleted, by its kind and primary key.

    A change of a brand, a category or an attribute's value affects its products too. A row is deleted when the index
    has the change. While a new index is built, rows are marked `applied` instead, and deleted when the new index has
    the changes as well.
    """

    kind = models.CharField(max_length=10)
    key = models.BigIntegerField()
    applied = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(name="index_change_waiting", fields=["applied", "id"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


def kind_of(model: type[models.Model]) -> str:
    """The kind of a model's rows: "product", "brand", "category", "attribute" or "value"."""
    return str(getattr(model, "change_kind", model._meta.model_name))


def record(model: type[models.Model], keys: Iterable[int], using: str) -> None:
    """Records that the rows of these keys changed. To be called in the transaction that changes them."""
    rows = [IndexChange(kind=kind_of(model), key=key) for key in keys]
    if not rows:
        return
    IndexChange.objects.using(using).bulk_create(rows, batch_size=CHUNK_KEYS)
    connection = connections[using]
    # The signal is sent once for a transaction, however much it changes.
    if not any(entry[1] is _send_committed for entry in connection.run_on_commit):
        transaction.on_commit(_send_committed, using=using)


def _send_committed() -> None:
    changes_committed.send(sender=IndexChange)


class RecordedQuerySet(TrackedQuerySet[Row]):
    """Records what bulk writes change, also in the history; `follow` records what `save` and `delete` change."""

    def update(self, **values: Any) -> int:
        """Updates by keys that are looked up before, so that exactly what is updated is recorded."""
        with transaction.atomic(using=self.db, savepoint=False):
            # After the update the rows may match no longer, and others may.
            keys = list(self.order_by().values_list("pk", flat=True))
            updated = 0
            for start in range(0, len(keys), CHUNK_KEYS):
                some = self.filter(pk__in=keys[start : start + CHUNK_KEYS])
                updated += super(RecordedQuerySet, some).update(**values)
            record(self.model, keys, self.db)
        return updated

    update.alters_data = True  # type: ignore[attr-defined]

    def update_each(self, rows: Sequence[Row], names: Sequence[str], *, clear: Collection[str] = ()) -> None:
        """As core.history's."""
        with transaction.atomic(using=self.db, savepoint=False):
            super().update_each(rows, names, clear=clear)
            record(self.model, [row.pk for row in rows], self.db)

    update_each.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Row], *args: Any, **kwargs: Any) -> list[Row]:
        """Creates rows. Where the database does not return the new keys, they are looked up by the slugs."""
        with transaction.atomic(using=self.db, savepoint=False):
            created = super().bulk_create(objs, *args, **kwargs)
            keys = [row.pk for row in created if row.pk is not None]
            unknown = [row.slug for row in created if row.pk is None]  # type: ignore[attr-defined]
            for start in range(0, len(unknown), CHUNK_KEYS):
                some = unknown[start : start + CHUNK_KEYS]
                keys += self.model._default_manager.using(self.db).filter(slug__in=some).values_list("pk", flat=True)
            record(self.model, keys, self.db)
        return created


def follow(watched: Sequence[type[models.Model]]) -> None:
    """Records from now on which rows of these models are saved and deleted: singly, by cascade or from a fixture."""

    def record_instance(sender: type[models.Model], instance: models.Model, using: str, **_: Any) -> None:
        record(sender, [instance.pk], using)

    for model in watched:
        for signal in (models.signals.post_save, models.signals.post_delete):
            signal.connect(record_instance, sender=model, weak=False, dispatch_uid=f"changes of {model.__name__}")
