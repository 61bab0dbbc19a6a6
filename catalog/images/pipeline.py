"""From PENDING to READY or FAILED: rows that fall due (core.jobs.job) are processed by the threads of the pool.

A job's claim is renewed while its worker lives, so that what a killed one left is free again after a few seconds. Files
are written first, rows second, in one transaction that deletes the claimed job: of two workers one succeeds.
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
from core.jobs import job as job_rows

logger = logging.getLogger(__name__)

# A claim lasts so long without being renewed, and is renewed so often (seconds).
LEASE, RENEWAL = timedelta(seconds=15), 3.0
# A thread without work looks again after this, while others still work.
PAUSE = 0.25
# Rows looked at together: several workers begin with the same one.
AHEAD = 8

stopping = Event()
_working = Lock()
_news = Event()


@cache
def pool() -> Pool:
    """This process's children; none is started before there is work."""
    made = Pool(size=settings.IMAGE_PROCESSES, memory=settings.IMAGE_MEMORY, deadline=settings.IMAGE_DEADLINE)
    atexit.register(made.close)
    return made


def work() -> int:
    """Works off what is due until nothing is, and tells how many jobs that were; at once when this process is at it."""
    done = 0
    _news.set()
    # Whoever came while the last round was ending finds its news here.
    while _news.is_set() and not stopping.is_set() and _working.acquire(blocking=False):
        try:
            _news.clear()
            done += _Round().run()
        finally:
            _working.release()
    return done


def tidy_up() -> None:
    """Releases what dead workers claimed, settles what was given up, and finds PENDING images that no job knows of."""
    released = job_rows.release(ImageJob, max_attempts=jobs.ATTEMPTS, claimed_before=timezone.now() - LEASE)
    if released:
        logger.warning("%d image jobs of a worker that ended are due again", released)
    jobs.settle()


def oldest_due() -> datetime | None:
    """When the oldest job fell due that a shop waits for: further formats and demo pictures may take their time."""
    return job_rows.oldest_due(ImageJob.objects.filter(kind__in=(ImageJob.Kind.REMOVE, ImageJob.Kind.RENDER)))


class _Round:
    """Some threads that take jobs until none is due and none is being worked on."""

    def __init__(self) -> None:
        self._claims: set[UUID | None] = set()
        self._lock = Lock()
        self._done = 0

    def run(self) -> int:
        """Starts as many threads as the pool has children; renews their claims until they are through."""
        threads = [Thread(target=self._thread, name=f"images-{n}", daemon=True) for n in range(pool().size)]
        self._tidy_up()
        for thread in threads:
            thread.start()
        renewed = time.monotonic()
        while alive := [thread for thread in threads if thread.is_alive()]:
            alive[0].join(RENEWAL)
            if time.monotonic() - renewed >= RENEWAL:
                self._tidy_up()
                renewed = time.monotonic()
        return self._done

    def _tidy_up(self) -> None:
        """Says that this worker lives, and looks after those that do not. A database that is away may come back."""
        try:
            with self._lock:
                claims = list(self._claims)
            if claims:
                ImageJob.objects.filter(claim__in=claims).update(claimed_at=timezone.now())
            tidy_up()
        except DatabaseError as error:
            logger.warning("Image claims could not be renewed: %s", error)
            close_old_connections()

    def _thread(self) -> None:
        try:
            while not stopping.is_set():
                job = self._next()
                if job is not None:
                    self._do(job)
                elif self._is_idle():
                    return
                else:
                    # What the others finish may bring new work.
                    stopping.wait(PAUSE)
        except DatabaseError as error:
            logger.warning("Images wait for the database: %s", error)
        finally:
            connections.close_all()

    def _is_idle(self) -> bool:
        with self._lock:
            return not self._claims

    def _next(self) -> ImageJob | None:
        """A claimed job; None when nothing is due."""
        while True:
            found = list(job_rows.due(ImageJob).order_by("kind", "due_at", "pk")[:AHEAD])
            for job in found:
                with self._lock:
                    if job_rows.claim(job):
                        self._claims.add(job.claim)
                        return job
            if not found:
                return None

    def _do(self, job: ImageJob) -> None:
        claim = job.claim
        try:
            jobs.do(job, pool())
        except DatabaseError as error:
            if not is_transient(error):
                raise
            jobs.put_back(job, error)
        finally:
            with self._lock:
                self._claims.discard(claim)
                self._done += 1


def stop() -> None:
    """Lets the jobs at hand finish and begins no other; the children end with it."""
    stopping.set()
    if pool.cache_info().currsize:
        pool().close()
