"""The database's clock. Times that several hosts compare are told by it, because a host's own clock may be wrong.

`DatabaseNow` is for statements. `now()` is for Python: a new connection to MySQL asks the server for the time, and so
learns by how much the host's clock is wrong. SQLite has no clock but the host's.
"""

from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from django.db import DatabaseError, connections
from django.db.backends.signals import connection_created
from django.db.models.functions import Now
from django.dispatch import receiver
from django.utils import timezone

# A connection that is opened so soon after the last measurement does not measure again.
MEASURED_FOR_SECONDS = 10.0

# What the host's clock lacks, and when that was measured (by the monotonic clock).
_lacking, _measured_at = timedelta(), float("-inf")


class DatabaseNow(Now):
    """The moment of the statement, by the database's clock, whatever time zone its session has."""

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """MySQL's CURRENT_TIMESTAMP is in the time zone of the session, and Django stores UTC."""
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **context)


def database_now(using: str = "default") -> datetime:
    """The time by the database's clock, asked now. SQLite has the clock of its one host."""
    connection = connections[using]
    if connection.vendor != "mysql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT UTC_TIMESTAMP(6)")
        moment: datetime = cursor.fetchone()[0]
    return moment.replace(tzinfo=UTC)


def now() -> datetime:
    """The time by the database's clock, as far as the last new connection has measured it. Makes no query."""
    return timezone.now() + _lacking


@receiver(connection_created, dispatch_uid="core.db.clock")
def measure(connection: Any, **_: Any) -> None:
    """Learns what the host's clock lacks. After a failure the last measurement holds."""
    global _lacking, _measured_at
    if connection.alias != "default" or connection.vendor != "mysql":
        return
    if monotonic() - _measured_at < MEASURED_FOR_SECONDS:
        return
    try:
        _lacking = database_now() - timezone.now()
    except DatabaseError:
        return
    _measured_at = monotonic()
