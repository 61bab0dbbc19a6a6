"""The revision of the catalogue: a number that differs after each committed write, so that what is kept is never stale.

Each transaction that writes a watched table puts a random number into one row of counters (`bump`), so it commits with
the data. The revision is the sum of all rows. A request reads it before it reads anything else: data that it keeps
under a revision is as new as that revision or newer. The numbers are random, because a restored backup would come to
the sums again that counting came to before.
"""

import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models.expressions import RawSQL

TABLE = "core_revisioncounter"
# 32,768 rows of these fit into the 64 bits of a sum.
_NUMBER_BITS, _KEY_BITS, _SUM_BITS = 48, 31, 64
_SUM = f"SELECT SUM(number) FROM {TABLE}"  # noqa: S608
# A column of another statement: the argument of `found`.
TOTAL = RawSQL(_SUM, ())  # noqa: S611

# In place of the revision of a request that has not read it yet.
_UNREAD = -1
_known: ContextVar[int | None] = ContextVar("revision", default=None)


@contextmanager
def request() -> Iterator[None]:
    """An API request that reads the catalogue: only within may what is kept be used."""
    token = _known.set(_UNREAD if settings.CATALOG_KEPT_SECONDS else None)
    try:
        yield
    finally:
        _known.reset(token)


def known() -> int | None:
    """The revision that this request began with, read by one query unless its user was read.

    None where nothing kept may be used: outside of requests, in mutations, and after the request has written.
    """
    revision = _known.get()
    if revision == _UNREAD:
        with connection.cursor() as cursor:
            cursor.execute(_SUM)
            ((total,),) = cursor.fetchall()
        found(total)
        revision = _known.get()
    return revision


def found(total: Any) -> None:
    """Takes the sum of the counters (TOTAL) that another statement has read for this request."""
    if connection.in_atomic_block:
        # The next write of this transaction needs another number, because this one may be kept under.
        connection.run_on_commit = [entry for entry in connection.run_on_commit if entry[1] is not _bumped]
    if _known.get() == _UNREAD:
        # With the time, so that nothing is kept for longer than the setting says: somebody may write past us.
        period = int(time.time()) // settings.CATALOG_KEPT_SECONDS
        _known.set((period << _SUM_BITS) + int(total or 0))


def forget() -> None:
    """From here on this request reads the database, and uses nothing that is kept."""
    if _known.get() is not None:
        _known.set(None)


def bump(using: str = DEFAULT_DB_ALIAS) -> None:
    """Makes another revision of what this transaction commits. One statement or two, once for each transaction.

    Watched tables need no call: whatever writes them bumps by itself.
    """
    forget()
    database = connections[using]
    # Where a savepoint is rolled back, Django forgets what was registered since, as the database does.
    if any(entry[1] is _bumped for entry in database.run_on_commit):
        return
    with transaction.atomic(using=using, savepoint=False):
        try:
            _count(database)
        except DatabaseError as error:
            # Migrations of apps write before those of core have made the table. Nobody reads it yet. Other
            # errors may name the table too. After one that does not, the connection may answer nothing more.
            if TABLE not in str(error) or TABLE in database.introspection.table_names():
                raise
            return
        transaction.on_commit(_bumped, using=using)


def _bumped() -> None:
    """Registered once the transaction has its number."""


def _count(database: BaseDatabaseWrapper) -> None:
    """Writes a counter that no other transaction holds, or a new one: writers never wait for each other."""
    number = secrets.randbits(_NUMBER_BITS)
    with database.cursor() as cursor:
        key = 0
        if database.features.has_select_for_update_skip_locked:
            cursor.execute(f"SELECT id FROM {TABLE} LIMIT 1 FOR UPDATE SKIP LOCKED")  # noqa: S608
            key = next(iter(cursor.fetchall()), (secrets.randbits(_KEY_BITS),))[0]
        cursor.execute(f"UPDATE {TABLE} SET number = %s WHERE id = %s", [number, key])  # noqa: S608
        if not cursor.rowcount:
            cursor.execute(f"INSERT INTO {TABLE} (number, id) VALUES (%s, %s)", [number, key])  # noqa: S608


# Statements that change no rows. All others that name a watched table count as writes.
_READS = re.compile(
    r"[\s(]*(?:SELECT|SAVEPOINT|RELEASE|ROLLBACK|SET|SHOW|BEGIN|START|COMMIT|EXPLAIN|PRAGMA|DESCRIBE"
    r"|CREATE|ALTER|DROP|RENAME|ANALYZE|OPTIMIZE|CHECK|LOCK|UNLOCK)\b",
    re.IGNORECASE,
)
_tables: set[str] = set()
_watches: list[tuple[Callable[[str], Any], Callable[[str], None] | None]] = []


def watch(watched: Iterable[type[models.Model]], *, then: Callable[[str], None] | None = None) -> None:
    """From now on whatever writes these models' tables bumps: the ORM, raw SQL, migrations, of any connection.

    After each such statement that wrote rows, `then` is called in its transaction with the alias of the database.
    """
    tables = {model._meta.db_table for model in watched}
    _tables.update(tables)
    _watches.append((re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(tables)))})\b", re.IGNORECASE).search, then))


def is_watched(model: type[models.Model]) -> bool:
    """Whether what writes this model's table bumps."""
    return model._meta.db_table in _tables


def _bump_with_writes(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Wraps each statement of a connection."""
    if sql[0] in "Ss" or _READS.match(sql):
        return execute(sql, params, many, context)
    watches = [then for names_table, then in _watches if names_table(sql)]
    if not watches:
        return execute(sql, params, many, context)
    database = context["connection"]
    if not database.in_atomic_block:
        return _in_transaction(lambda: _bump_with_writes(execute, sql, params, many, context), context)
    bump(database.alias)
    result = execute(sql, params, many, context)
    for then in watches:
        # A cascade also deletes from tables where there is nothing to delete.
        if then is not None and (context["cursor"].rowcount or context["cursor"].description):
            then(database.alias)
    return result


# To read (core.db.mysql.base).
_bump_with_writes.needs_no_cursor = True  # type: ignore[attr-defined]


def _in_transaction(write: Callable[[], Any], context: dict[str, Any]) -> Any:
    """A statement of its own: what it writes and the number are committed together."""
    database, wrapper, rows = context["connection"], context["cursor"], []
    connected = database.connection
    with transaction.atomic(using=database.alias):
        if database.connection is not connected:
            # It was lost, and is made again when a transaction begins (core.db.mysql).
            wrapper.cursor = database.create_cursor()
        result = write()
        if isinstance(wrapper.cursor, sqlite3.Cursor) and wrapper.cursor.description:
            rows = wrapper.cursor.fetchall()
    if rows:
        # SQLite commits nothing while a statement (INSERT … RETURNING) has rows to give. Here they are again.
        values = ", ".join([f"({', '.join('?' * len(rows[0]))})"] * len(rows))
        sqlite3.Cursor.execute(wrapper.cursor, f"VALUES {values}", [*chain.from_iterable(rows)])
    return result


def _follow(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if _bump_with_writes not in connection.execute_wrappers:
        # First: `execute_wrapper` takes the last one off at its end, and the connection may be made within it.
        connection.execute_wrappers.insert(0, _bump_with_writes)


connection_created.connect(_follow, dispatch_uid="revision")
