"""The database's clock, which is one for all hosts; their own clocks may differ."""

from datetime import UTC, datetime
from typing import Any

from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone


class DatabaseNow(Now):
    """The moment of the statement, by the database's clock, whatever time zone its session has."""

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """MySQL's CURRENT_TIMESTAMP is in the time zone of the session, and Django stores UTC."""
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **context)


def database_now(using: str = "default") -> datetime:
    """The time by the database's clock. SQLite has the clock of its one host."""
    connection = connections[using]
    if connection.vendor != "mysql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT UTC_TIMESTAMP(6)")
        moment: datetime = cursor.fetchone()[0]
    return moment.replace(tzinfo=UTC) if timezone.is_naive(moment) else moment
