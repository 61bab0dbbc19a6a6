"""The database's clock. Times that several hosts compare are told by it, because a host's own clock may be wrong.

`Now` is for statements. `now()` is for Python: a new connection to MySQL asks the server for the time, and so learns
by how much the host's clock is wrong. SQLite has no clock but the host's.
"""

from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from django.db import DatabaseError
from django.db.backends.signals import connection_created
from django.db.models import DateTimeField, Func
from django.dispatch import receiver
from django.utils import timezone

# A connection that is opened so soon after the last measurement does not measure again.
MEASURED_FOR_SECONDS = 10.0

# What the host's clock lacks, and when that was measured (by the monotonic clock).
_lacking, _measured_at = timedelta(), float("-inf")


class Now(Func):
    """The time of the database's server, in UTC whatever the time zone of its session is.

    Django's own `Now` tells the session's time on MySQL, which is the server's local time.
    """

    output_field = DateTimeField()
    # MySQL evaluates it once for a statement.
    template = "UTC_TIMESTAMP(6)"
    arity = 0

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """SQLite's words for it, to the millisecond."""
        return self.as_sql(compiler, connection, template="STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')", **extra)


def now() -> datetime:
    """The database's time. Makes no query."""
    return timezone.now() + _lacking


@receiver(connection_created, dispatch_uid="core.db.clock")
def measure(connection: Any, **_: Any) -> None:
    """Asks the server for its time. A failure leaves the last measurement; the next statement tells of it."""
    global _lacking, _measured_at
    if connection.alias != "default" or connection.vendor != "mysql":
        return
    if monotonic() - _measured_at < MEASURED_FOR_SECONDS:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT UTC_TIMESTAMP(6)")
            server_time = cursor.fetchone()[0]
    except DatabaseError:
        return
    _lacking, _measured_at = server_time.replace(tzinfo=UTC) - timezone.now(), monotonic()
