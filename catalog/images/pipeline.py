"""Takes image jobs (core.jobs.job) that are due and does them on threads, as many as the pool has children.

Each claim is renewed while its worker lives. When a worker is killed, its jobs are due again after CLAIM_DURATION.
Files are written before rows. One transaction writes the rows and deletes the claimed job: of two workers one succeeds.
"""

import atexit
import logging
import time
from datetime import datetime, timedelta
from functools import cache
from threading import Event, Lock, Thread
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections
from django.utils import timezone

from catalog.images import jobs
from catalog.images.models import ImageJob
from catalog.images.pool import Pool
from core.db.transactions import is_transient
from core.jobs.job import claim, due, oldest_due, release

logger = logging.getLogger(__name__)

# How long a claim lasts unless it is renewed.
CLAIM_DURATION = timedelta(seconds=15)
RENEWAL_SECONDS = 3.0
# How long a thread without a job waits before it looks again, while other threads still work.
PAUSE_SECONDS = 0.25
# How many jobs are read at once: when other workers claim the first ones, there is another to try.
BATCH = 8

stopping = Event()
# Set by every call of work(), cleared when a round begins: jobs written after that may need another round.
_is_requested = Event()
_round_lock = Lock()


@cache
def pool() -> Pool:
    """This process's pool. Its children are started when there is work."""
    new = Pool(size=settings.IMAGE_PROCESSES, memory=settings.IMAGE_MEMORY, deadline=settings.IMAGE_DEADLINE)
    atexit.register(new.close)
    return new


def work() -> int:
    """Does jobs until none is due, and returns how many. Returns 0 at once when another thread is doing this."""
    _is_requested.set()
    count = 0
    while _is_requested.is_set() and not stopping.is_set():
        done = _try_round()
        if done is None:
            break
        count += done
    return count


def _try_round() -> int | None:
    """One round; None when another thread is in one. That thread looks at `_is_requested` when its round has ended."""
    if not _round_lock.acquire(blocking=False):
        return None
    try:
        _is_requested.clear()
        return _Round().run()
    finally:
        _round_lock.release()


def tidy_up() -> None:
    """Makes the jobs of dead workers due again, and brings images in line with their jobs."""
    released = release(ImageJob, max_attempts=jobs.MAX_ATTEMPTS, claimed_before=timezone.now() - CLAIM_DURATION)
    if released:
        logger.warning("%d image jobs of a worker that ended are due again", released)
    jobs.settle()


def oldest_awaited() -> datetime | None:
    """When the oldest job that somebody waits for fell due. Nobody waits for the formats that follow READY."""
    return oldest_due(ImageJob.objects.filter(kind__lt=ImageJob.Kind.LATER))


class _Round:
    """Some threads that do jobs until none is due and none is being done."""

    def __init__(self) -> None:
        self._claims: set[UUID | None] = set()
        self._lock = Lock()
        self._done = 0

    def run(self) -> int:
        """Starts a thread for each child of the pool, and renews their claims until all have ended."""
        threads = [Thread(target=self._work, name=f"images-{n}", daemon=True) for n in range(pool().size)]
        self._renew_claims()
        for thread in threads:
            thread.start()
        renewed_at = time.monotonic()
        while living := [thread for thread in threads if thread.is_alive()]:
            living[0].join(RENEWAL_SECONDS)
            if time.monotonic() - renewed_at >= RENEWAL_SECONDS:
                self._renew_claims()
                renewed_at = time.monotonic()
        return self._done

    def _renew_claims(self) -> None:
        """Renews this worker's claims and tidies up after dead workers. The next call makes up for a failed one."""
        try:
            with self._lock:
                claims = list(self._claims)
            if claims:
                ImageJob.objects.filter(claim__in=claims).update(claimed_at=timezone.now())
            tidy_up()
        except DatabaseError as error:
            logger.warning("Image claims could not be renewed: %s", error)
            close_old_connections()

    def _work(self) -> None:
        try:
            while not stopping.is_set():
                job = self._claim_next()
                if job is not None:
                    self._do(job)
                elif self._is_idle():
                    return
                else:
                    # A job that another thread finishes may bring the next one.
                    stopping.wait(PAUSE_SECONDS)
        except DatabaseError as error:
            logger.warning("Images wait for the database: %s", error)
        finally:
            connections.close_all()

    def _is_idle(self) -> bool:
        with self._lock:
            return not self._claims

    def _claim_next(self) -> ImageJob | None:
        """A claimed job; None when none is due."""
        while candidates := list(due(ImageJob).order_by("kind", "due_at", "pk")[:BATCH]):
            for job in candidates:
                with self._lock:
                    if claim(job):
                        self._claims.add(job.claim)
                        return job
        return None

    def _do(self, job: ImageJob) -> None:
        claim_id = job.claim
        try:
            jobs.do(job, pool())
        except DatabaseError as error:
            if not is_transient(error):
                raise
            jobs.put_back(job, error)
        finally:
            with self._lock:
                self._claims.discard(claim_id)
                self._done += 1


def stop() -> None:
    """Ends the rounds: jobs that have begun are finished, and no other is begun. The children end too."""
    stopping.set()
    if pool.cache_info().currsize:
        pool().close()
