"""Does the confirmed bulk changes, and undoes them: one at a time over all hosts, by the worker with the lease.

A batch of products is changed in one transaction with the job's counts and the number of the batch. So a change that is
killed anywhere goes on with the batch after the last one that is in: no product is changed twice, and none is left out.
"""

import logging
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Any

from django.db import DatabaseError, IntegrityError, reset_queries
from django.utils import timezone

from catalog import policy
from catalog.bulk.models import UNDO_PERIOD, BulkBatch, BulkChange
from catalog.bulk.writing import Outcome, Refused, change_products, undo_products
from core.db.transactions import is_transient, run_in_transaction
from core.history.ambient import acting
from core.jobs import lease
from core.jobs.job import CLAIMED, DUE, FAILED, claim, due, move, release, retry, shortened

logger = logging.getLogger(__name__)

# After so many workers died over a change, it is given up; a batch that is in counts them anew.
MAX_ATTEMPTS = 3
RETRY_PAUSE = timedelta(seconds=10)
# Products whose keys are kept for each reason why some stayed.
MAX_EXAMPLES = 10
# Drafts that nobody confirmed, and changes that ended, are deleted after so long.
DRAFT_PERIOD, KEPT_PERIOD = timedelta(days=1), timedelta(days=90)
Phase, Status = BulkChange.Phase, BulkChange.Status
stopping = Event()


class ClaimLost(Exception):
    """The change was cancelled or deleted, or another worker has it. This worker's batch does not count."""


def work() -> int:
    """Does changes until none is due; returns how many. Does nothing while another worker holds the lease."""
    if not BulkChange.objects.filter(status__in=(DUE, CLAIMED)).exists():
        return 0
    count = 0
    with lease.hold("bulk") as is_holder:
        if not is_holder:
            return 0
        # Whoever held the lease before is dead, or has lost its claim now.
        release(BulkChange, max_attempts=MAX_ATTEMPTS)
        _end_failed()
        while not stopping.is_set() and (job := due(BulkChange).first()) is not None:
            if claim(job):
                _do(job)
                count += 1
    return count


def delete_old() -> int:
    """Deletes old drafts and changes, and the keys of products that no undoing needs; returns how many changes."""
    now = timezone.now()
    drafts = BulkChange.objects.filter(status=Status.DRAFT, created_at__lt=now - DRAFT_PERIOD)
    ended = BulkChange.objects.filter(ended_at__lt=now - KEPT_PERIOD).exclude(status__in=(DUE, CLAIMED))
    count = drafts.delete()[1].get("catalog.BulkChange", 0) + ended.delete()[1].get("catalog.BulkChange", 0)
    over = BulkChange.objects.filter(status__in=(Status.DONE, Status.CANCELLED), undo_until__lt=now)
    BulkBatch.objects.filter(change__in=over).delete()
    return count


def _do(job: BulkChange) -> None:
    """Does a claimed change, or its undoing. Afterwards it is DONE, FAILED or due again."""
    try:
        _Run(job).run()
    except ClaimLost:
        logger.info("Bulk change %s was cancelled, or another worker has it", job.pk)
    except Refused as error:
        _fail(job, str(error))
    except DatabaseError as error:
        if not is_transient(error):
            raise
        if retry(job, f"The database was too busy: {error}", pause=RETRY_PAUSE, max_attempts=MAX_ATTEMPTS):
            _end_failed()
            logger.warning("Bulk change %s is tried again later: %s", job.pk, error)
    except Exception:
        logger.exception("Bulk change %s", job.pk)
        _fail(job, "Something went wrong. Ask whoever runs the shop to look into the log, then try again.")


def _fail(job: BulkChange, reason: str) -> None:
    logger.warning("Bulk change %s failed: %s", job.pk, reason)
    move(job, FAILED, reason=shortened(reason), **_ending(job))


def _end_failed() -> None:
    """Gives those their end that `release` and `retry` have given up."""
    for change in BulkChange.objects.filter(status=FAILED, ended_at=None):
        BulkChange.objects.filter(pk=change.pk, status=FAILED, ended_at=None).update(**_ending(change))


def _ending(job: BulkChange) -> dict[str, Any]:
    now = timezone.now()
    return {"ended_at": now} | ({"undo_until": now + UNDO_PERIOD} if job.phase == Phase.CHANGE else {})


class _Run:
    """One attempt at a phase of a claimed change."""

    def __init__(self, job: BulkChange) -> None:
        self.job = job
        self.is_undo = job.phase == Phase.UNDO
        self.actor_field = "undone_by" if self.is_undo else "user"
        self._own = BulkChange.objects.filter(pk=job.pk, claim=job.claim, status=CLAIMED)

    def run(self) -> None:
        """Raises ClaimLost, Refused or DatabaseError."""
        job = self.job
        position = job.undo_position if self.is_undo else job.position
        self._update(started_at=timezone.now(), started_from=position)
        while (batch := self._next()) is not None:
            if stopping.is_set():
                move(job, DUE, attempts=job.attempts - 1)
                return
            self._do(batch)
            # With DEBUG on, Django keeps the last 9,000 statements.
            reset_queries()
        self._finish()

    def _next(self) -> BulkBatch | None:
        job = self.job
        number = job.batches_undone if self.is_undo else job.batches_done
        if self.is_undo and number >= job.batches_done:
            return None
        return BulkBatch.objects.filter(change=job, number=number).first()

    def _do(self, batch: BulkBatch) -> None:
        actor = self._actor()
        via = self.job.undo_via if self.is_undo else self.job.via
        with acting(actor, via=via):
            changes = run_in_transaction(partial(self._write, batch), again_on=(IntegrityError,))
        for name, value in changes.items():
            setattr(self.job, name, value)

    def _actor(self) -> Any:
        """Whoever asked, as the account is by now. Raises Refused when the right is gone."""
        job = BulkChange.objects.select_related(self.actor_field).get(pk=self.job.pk)
        actor = getattr(job, self.actor_field)
        if actor is None or not policy.may_change_in_bulk(actor):
            raise Refused("Whoever asked for this may not change products any more.")
        return actor

    def _write(self, batch: BulkBatch) -> dict[str, Any]:
        """Within one transaction: the products, what the history says of them, and how far the job is by then."""
        job, number, count = self.job, batch.number + 1, len(batch.product_ids)
        # A worker over which no change died so far.
        changes: dict[str, Any] = {"attempts": 1, "claimed_at": timezone.now()}
        if self.is_undo:
            outcome = undo_products(job, batch.product_ids)
            changes |= {"batches_undone": number, "undo_position": job.undo_position + count}
            changes |= {"undone": job.undone + outcome.changed, "undo_stays": _added(job.undo_stays, outcome)}
            here = {"batches_undone": batch.number}
        else:
            outcome = change_products(job, batch.product_ids)
            changes |= {"batches_done": number, "position": job.position + count}
            changes |= {"changed": job.changed + outcome.changed, "stays": _added(job.stays, outcome)}
            here = {"batches_done": batch.number}
        if not self._own.filter(**here).update(**changes):
            raise ClaimLost
        return changes

    def _finish(self) -> None:
        if not move(self.job, Status.DONE, reason="", **_ending(self.job)):
            raise ClaimLost
        logger.info("Bulk change %s is %s", self.job.pk, "undone" if self.is_undo else "done")

    def _update(self, **changes: Any) -> None:
        if not self._own.update(**changes):
            raise ClaimLost


def _added(stays: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
    """The counts and the first keys by reason, with those of one more batch."""
    added = dict(stays)
    for reason, keys in outcome.stays.items():
        before = stays.get(reason.value, {"count": 0, "ids": []})
        ids = [*before["ids"], *keys][:MAX_EXAMPLES]
        added[reason.value] = {"count": before["count"] + len(keys), "ids": ids}
    return added
