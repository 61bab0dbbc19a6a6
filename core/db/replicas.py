"""Has shoppers' reads of the catalogue answered by a replica that is near enough (core.db.replica_watch).

A read is all of one database: its revision, what it reads, and what it keeps under that revision. While it lasts, the
replica's connection takes the place of the thread's default one, so no code inside has to know. When the replica fails
in the middle, the read is done again from another one. When it lacks a row that the index has found, is about to be
written to, or was the last one, it is done again from the primary. Nothing of a failed attempt is used.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, Error, InterfaceError, connections

from core.auth.policy import Actor, is_staff
from core.caching import revision
from core.db import replica_watch
from core.telemetry.metrics import REPLICA_READS

Result = TypeVar("Result")


class NotFromReplica(DatabaseError):
    """This read must be done by the primary."""


class _Read:
    """A read from one replica, as a context."""

    def __init__(self, alias: str) -> None:
        # Why nothing of it may be used: it needs the primary, or the replica has failed.
        self.is_refused, self.error = False, cast(Error | None, None)
        self._replica: Any = connections[alias]
        self._primary: Any = connections[DEFAULT_DB_ALIAS]
        self._wrappers = self._replica.execute_wrappers

    def __enter__(self) -> None:
        try:
            self._replica.ensure_connection()
        except Error as error:
            self.error = error
            raise
        # What follows the statements of this request follows these too.
        self._replica.execute_wrappers = [self._execute, *self._primary.execute_wrappers]
        connections[DEFAULT_DB_ALIAS] = self._replica
        self._replica.reading = self

    def __exit__(self, *_: object) -> None:
        connections[DEFAULT_DB_ALIAS] = self._primary
        self._replica.execute_wrappers, self._replica.reading = self._wrappers, None

    def _execute(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if str(sql).lstrip("( \n")[:6].upper() != "SELECT":
            self.is_refused = True
            raise NotFromReplica("A replica is only read.")
        try:
            return execute(sql, params, many, context)
        except (DatabaseError, InterfaceError) as error:
            # Whoever asked may turn the error into an answer. That must not be given.
            self.error = error
            raise

    # See core.db.mysql.base.
    _execute.needs_no_cursor = True  # type: ignore[attr-defined]


def read(actor: Actor, work: Callable[[], Result]) -> Result:
    """The result of `work`, which reads the catalogue for this actor and writes nothing. It may be called again.

    Staff read what they have just written, so the primary answers them, and whatever belongs to a transaction.
    """
    if not settings.DATABASE_REPLICAS:
        return work()
    if is_staff(actor) or connections[DEFAULT_DB_ALIAS].in_atomic_block:
        return work()
    aliases = replica_watch.usable()
    for alias in aliases:
        reading = _Read(alias)
        try:
            with reading, revision.anew():
                result = work()
        except Exception:
            if not (reading.is_refused or reading.error):
                raise
        else:
            if not (reading.is_refused or reading.error):
                REPLICA_READS.labels(alias).inc()
                return result
        if reading.error is None:
            # Another replica would not do either.
            break
        replica_watch.failed(alias, reading.error)
        with suppress(Error):
            connections[alias].close()
    REPLICA_READS.labels("again" if aliases else "primary").inc()
    return work()


def lacks() -> None:
    """Call it where a row is missing that is known of: the replica may not have it yet, so the primary is read."""
    reading = getattr(connections[DEFAULT_DB_ALIAS], "reading", None)
    if reading is not None:
        reading.is_refused = True
        raise NotFromReplica("The replica does not have it yet.")
