"""One transaction that is run again when the database, not the caller, is the reason that it failed."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, OperationalError, transaction

from core.errors import forget_stack

logger = logging.getLogger(__name__)

ATTEMPTS = 8
# Seconds: the longest pause after the first failure (it doubles each time), and after any.
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0
# Deadlock and lock wait timeout (MySQL); SQLite says it in words: the database, or a table of it, is locked.
_TRANSIENT_CODES, _TRANSIENT_WORDS = {1213, 1205}, "is locked"

Result = TypeVar("Result")


def run_in_transaction(
    work: Callable[[], Result], *, again_on: tuple[type[DatabaseError], ...] = (), attempts: int = ATTEMPTS
) -> Result:
    """What `work` answers, run in one transaction.

    A deadlock, a lock waited for too long and a busy SQLite undo it; it is run again, up to `attempts` times in all,
    after a random pause that grows; so `work` must do nothing outside of the database. `again_on` names further errors
    worth a fresh look, such as IntegrityError when another process may have won a race. Raises the last error.

    Inside an outer transaction a deadlock has undone that too: there it is raised at once.
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
        time.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))  # noqa: S311
    with transaction.atomic():
        return work()


def is_transient(error: DatabaseError) -> bool:
    """Whether the same transaction may well succeed when it is run again."""
    if not isinstance(error, OperationalError) or not error.args:
        return False
    return error.args[0] in _TRANSIENT_CODES or _TRANSIENT_WORDS in str(error)
