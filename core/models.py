"""The tables of core itself: leases, heartbeats of workers, and counters of attempts."""

from django.db import models

from core.db.fields import BinaryCharField


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
