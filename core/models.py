"""The tables of core itself: leases, heartbeats, counters of attempts and revisions, idempotency keys, the history."""

from django.db import models
from django.utils import timezone

from core.db.fields import BinaryCharField
from core.history.models import Change

__all__ = ["Attempts", "Change", "Heartbeat", "IdempotencyKey", "Lease", "RevisionCounter"]

KEY_LENGTH = 64


class Lease(models.Model):
    """The process that does the work with this name, and the end of its lease unless renewed; see core.jobs.lease."""

    name = BinaryCharField(max_length=50, primary_key=True)
    holder = models.UUIDField()
    until = models.DateTimeField()

    class Meta:
        # The name in the first release. It stays, because processes of two releases share the table during a
        # deployment.
        db_table = "core_turn"

    def __str__(self) -> str:
        return str(self.name)


class Heartbeat(models.Model):
    """When a worker of the queue of this name, or beat, was last seen alive; see core.jobs.heartbeat."""

    name = BinaryCharField(max_length=50, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.name)


class Attempts(models.Model):
    """A counter of attempts in a window of time; see core.throttling.attempts."""

    # The digest of a Limit.
    key = BinaryCharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "attempts"

    def __str__(self) -> str:
        return f"{self.count} until {self.ends_at}"


class IdempotencyKey(models.Model):
    """A client's key of a mutation that was applied, written in the mutation's transaction; see core.idempotency."""

    # The primary key of the user, or of a guest's cart, which is below 0. The column has the name of before guests.
    owner = models.BigIntegerField(db_column="user_id")
    mutation = models.CharField(max_length=32)
    key = BinaryCharField(max_length=KEY_LENGTH)
    # core.idempotency.input_digest of the mutation's input.
    digest = models.CharField(max_length=64)
    # What a retry is answered, where that is not read again.
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        # Its name when only carts had keys. It stays, because processes of two releases share the table.
        db_table = "cart_idempotencykey"
        constraints = [models.UniqueConstraint(name="idempotency_key_once", fields=["owner", "mutation", "key"])]

    def __str__(self) -> str:
        return f"{self.mutation} {self.key}"


class RevisionCounter(models.Model):
    """One of the numbers whose sum is the revision of the catalogue; see core.caching.revision.

    There are as many rows as transactions ever wrote the catalogue at once.
    """

    id = models.BigIntegerField(primary_key=True)
    number = models.BigIntegerField()

    class Meta:
        # Nobody is given rights to it: it would only lengthen the lists of permissions.
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.number)
