"""Runs a transaction again when it failed through no fault of the caller, such as by a deadlock."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, OperationalError, transaction

from core.errors import forget_stack

logger = logging.getLogger(__name__)

ATTEMPTS = 8
# The longest pause after the first failure, and the longest of all. It doubles with each failure.
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.02, 1.0
# MySQL's deadlock and lock wait timeout. SQLite has words: the database, or one of its tables, "is locked".
_TRANSIENT_CODES, _TRANSIENT_WORDS = {1213, 1205}, "is locked"

Result = TypeVar("Result")


def run_in_transaction(
    work: Callable[[], Result], *, again_on: tuple[type[DatabaseError], ...] = (), attempts: int = ATTEMPTS
) -> Result:
    """Runs `work` in one transaction and returns its result.

    After a deadlock, a lock timeout or a busy SQLite it runs `work` again, up to `attempts` times in all, with growing
    random pauses. So `work` must change nothing outside the database. `again_on` names further errors to try again on,
    such as IntegrityError when another process may have won a race. Raises the last error.

    Within an outer transaction such an error is raised at once, because a deadlock has undone the outer one too.
    """
    for attempt in range(1, attempts):
        try:
            with transaction.atomic():
                return work()
        except DatabaseError as error:
            transient = is_transient(error) and not transaction.get_connection().in_atomic_block
            if not (transient or isinstance(error, again_on)):
                raise
            logger.info("transaction runs again (attempt %d of %d failed): %s", attempt, attempts, error)
            forget_stack(error)
        time.sleep(random.uniform(0, min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)))  # noqa: S311
    with transaction.atomic():
        return work()


def is_transient(error: DatabaseError) -> bool:
    """Whether the same transaction may succeed when it is run again."""
    if not isinstance(error, OperationalError) or not error.args:
        return False
    return error.args[0] in _TRANSIENT_CODES or _TRANSIENT_WORDS in str(error)
