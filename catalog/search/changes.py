"""What must yet reach the search index: a row for each change, written in the transaction of its cause.

Every way to change a product, brand or category leads through here: `save` and `delete` by signals, bulk writes by the
models' manager. Only SQL past the ORM does not; after that, `manage.py rebuild_index`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db import connections, models, transaction
from django.dispatch import Signal
from django.utils import timezone

# After the commit of a transaction that recorded changes, once: somebody may want to apply them.
changes_committed = Signal()
# Keys in one statement.
CHUNK = 1000

Row = TypeVar("Row", bound=models.Model)


class IndexChange(models.Model):
    """A product, brand or category that changed, came or went: by its kind and primary key.

    A brand or category stands for its products too. Rows are deleted when the index holds what they tell of; while
    an index is being rebuilt they are kept, marked `applied`, until the new one holds it as well.
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
    """The kind of a model's rows: "product", "brand" or "category"."""
    return str(model._meta.model_name)


def record(model: type[models.Model], keys: Iterable[int], using: str) -> None:
    """Notes that the rows of these keys changed. To be called in the transaction that changes them."""
    rows = [IndexChange(kind=kind_of(model), key=key) for key in keys]
    if not rows:
        return
    IndexChange.objects.using(using).bulk_create(rows, batch_size=CHUNK)
    connection = connections[using]
    # One announcement is enough for a transaction, however much it changes.
    if not any(entry[1] is _announce for entry in connection.run_on_commit):
        transaction.on_commit(_announce, using=using)


def _announce() -> None:
    changes_committed.send(sender=IndexChange)


class RecordedQuerySet(models.QuerySet[Row]):
    """Bulk writes that record what they change; what `save` and `delete` change is recorded by `follow`."""

    def update(self, **values: Any) -> int:
        """As Django's, by keys looked up before: what is updated is exactly what is recorded."""
        with transaction.atomic(using=self.db, savepoint=False):
            # Afterwards the rows may match no longer; and a row that comes to match meanwhile is not ours to change.
            keys = list(self.order_by().values_list("pk", flat=True))
            updated = 0
            for start in range(0, len(keys), CHUNK):
                some = self.filter(pk__in=keys[start : start + CHUNK])
                updated += super(RecordedQuerySet, some).update(**values)
            record(self.model, keys, self.db)
        return updated

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Row], *args: Any, **kwargs: Any) -> list[Row]:
        """As Django's; where the database does not tell the new keys, they are looked up by the slugs."""
        with transaction.atomic(using=self.db, savepoint=False):
            created = super().bulk_create(objs, *args, **kwargs)
            keys = [row.pk for row in created if row.pk is not None]
            unknown = [row.slug for row in created if row.pk is None]  # type: ignore[attr-defined]
            for start in range(0, len(unknown), CHUNK):
                some = unknown[start : start + CHUNK]
                keys += self.model._default_manager.using(self.db).filter(slug__in=some).values_list("pk", flat=True)
            record(self.model, keys, self.db)
        return created


def follow(watched: Sequence[type[models.Model]]) -> None:
    """Records from now on what is saved and deleted of these models, one by one, by cascade or from a fixture."""

    def recorded(sender: type[models.Model], instance: models.Model, using: str, **_: Any) -> None:
        record(sender, [instance.pk], using)

    for model in watched:
        for signal in (models.signals.post_save, models.signals.post_delete):
            signal.connect(recorded, sender=model, weak=False, dispatch_uid=f"changes of {model.__name__}")
