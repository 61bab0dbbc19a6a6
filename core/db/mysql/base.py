"""The database backend: a statement that is safe to repeat is sent at once, and again if the connection was lost.

With CONN_HEALTH_CHECKS Django pings the server before the first statement of a request or task: a round trip more.
Here a lost connection shows when that statement fails. Whether the server has carried out a statement whose answer
was lost, nobody knows. So only two kinds are sent again, once, on a new connection:

- a SELECT outside a transaction;
- the statement that begins a transaction, before which nothing was written.

A write outside a transaction cannot be sent again. When it is the first statement, the connection is checked before,
as by Django. Within a transaction nothing is sent again, because a new connection knows nothing of it.
"""

import logging
import re
from functools import lru_cache, partial
from time import monotonic
from typing import Any

from django.db.backends.mysql import base
from MySQLdb import OperationalError  # type: ignore[import-untyped]

from core.db.mysql.conversions import CONVERSIONS

logger = logging.getLogger(__name__)

# The server is gone (2006), the connection was lost (2013, 2055), closed for its idleness (MySQL, 4031) or killed
# (MariaDB, 1927; MySQL, 3169), or the server stops (1053).
LOST = frozenset({2006, 2013, 2055, 4031, 1927, 3169, 1053})
# A connection that idled fails at once. A statement that worked for longer may be what the server was stopped for.
MAX_FAILED_SECONDS = 1.0
_SELECT = re.compile(r"\s*SELECT\b", re.IGNORECASE)
# What depends on the connection, or does more than read.
_NOT_REPEATABLE = re.compile(
    r"\b(?:\w*_LOCKS?|LAST_INSERT_ID|ROW_COUNT|FOUND_ROWS|NEXTVAL|NEXT|INTO|UPDATE)\b|(?<!@)@\w", re.IGNORECASE
)


@lru_cache(maxsize=256)
def only_reads(query: str) -> bool:
    """Whether the statement is a SELECT that any connection answers alike. For its text, without the parameters."""
    return bool(_SELECT.match(query) and not _NOT_REPEATABLE.search(query))


class Cursor(base.CursorWrapper):
    """A cursor that connects anew for a statement that may be repeated."""

    def __init__(self, cursor: Any, database: "DatabaseWrapper") -> None:
        super().__init__(cursor)
        self.database = database

    def execute(self, query: str, args: Any = None) -> Any:
        """As Django's; see the module."""
        database = self.database
        if not database.health_check_done and not database.may_repeat(query):
            self._check()
        started = monotonic()
        try:
            result = super().execute(query, args)
        except OperationalError as error:
            if monotonic() - started > MAX_FAILED_SECONDS or not database.may_repeat(query):
                raise
            database.connect_again(error)
            self.cursor = database.new_cursor()
            result = super().execute(query, args)
        database.health_check_done = True
        return result

    def executemany(self, query: str, args: Any) -> Any:
        """As Django's; it only writes."""
        if not self.database.health_check_done:
            self._check()
        return super().executemany(query, args)

    def _check(self) -> None:
        """What Django does before the first statement: pings, and connects anew if there is no answer."""
        database = self.database
        if not database.in_atomic_block:
            base.DatabaseWrapper.close_if_health_check_failed(database)
            if database.connection is None:
                self.cursor = database.new_cursor()


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that is checked by its first statement."""

    def get_connection_params(self) -> dict[str, Any]:
        """As Django's, with our conversions of what is read."""
        return {**super().get_connection_params(), "conv": CONVERSIONS}

    def close_if_health_check_failed(self) -> None:
        """Nothing: the first statement does it (Cursor)."""

    def create_cursor(self, name: str | None = None) -> Cursor:
        return Cursor(self.connection.cursor(), self)

    def reads_directly(self) -> bool:
        """Whether `read` may be called: no transaction, and nobody looks at the cursors of statements."""
        return (
            self.connection is not None
            and self.autocommit
            and not self.in_atomic_block
            and not self.queries_logged
            and all(hasattr(wrapper, "needs_no_cursor") for wrapper in self.execute_wrappers)
        )

    def read(self, query: str) -> tuple[tuple[Any, ...], ...]:
        """All rows of a SELECT that only reads, if `reads_directly`: without cursors, which take longer than the rest.

        Raises what a cursor would, after connecting anew as a cursor would.
        """
        execute: Any = self._read
        for wrapper in reversed(self.execute_wrappers):
            execute = partial(wrapper, execute)
        rows: tuple[tuple[Any, ...], ...] = execute(query, None, False, {"connection": self})
        return rows

    def _read(self, query: str, *_: Any) -> tuple[tuple[Any, ...], ...]:
        with self.wrap_database_errors:
            started = monotonic()
            try:
                rows = self._rows(query)
            except OperationalError as error:
                if monotonic() - started > MAX_FAILED_SECONDS:
                    raise
                self.connect_again(error)
                rows = self._rows(query)
        self.health_check_done = True
        return rows

    def _rows(self, query: str) -> tuple[tuple[Any, ...], ...]:
        driver = self.connection
        driver.query(query.encode(driver.encoding))
        rows: tuple[tuple[Any, ...], ...] = driver.store_result().fetch_row(0)
        return rows

    def may_repeat(self, query: str) -> bool:
        """Whether the statement only reads, outside a transaction."""
        return not self.in_atomic_block and self.autocommit and only_reads(query)

    def connect_again(self, error: OperationalError) -> None:
        """Connects anew if the error says that the connection was lost, else raises it."""
        if not error.args or error.args[0] not in LOST:
            raise error
        logger.info("the database connection was lost (%s) and is made again", error.args[0])
        # Not closed: an outer loop may still read from it what it has fetched. It is closed with its last cursor.
        self.connection = None
        self.connect()

    def new_cursor(self) -> Any:
        """The driver's cursor of the connection, which is made if there is none."""
        self.ensure_connection()
        return self.connection.cursor()

    def _set_autocommit(self, autocommit: bool) -> None:
        """As Django's. To turn it off begins a transaction."""
        if autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc]
            return
        with self.wrap_database_errors:
            try:
                self.connection.autocommit(False)
            except OperationalError as error:
                self.connect_again(error)
                self.connection.autocommit(False)
        self.health_check_done = True
