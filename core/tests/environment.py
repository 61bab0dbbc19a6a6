"""Loaded by pytest before Django reads its settings: a fresh folder for all state, and the development secrets."""

import atexit
import os
import shutil
import tempfile
from urllib.parse import urlsplit, urlunsplit

MEMORY_BYTES = 4 << 30

os.environ["DEBUG"] = "1"
# Tests that want the index make one of their own (catalog/search/tests/conftest.py); the others need none.
os.environ["SEARCH_ENGINE"] = "database"
# A thread would store them beside the transaction of a test. Tests of the counts turn them on (catalog/search/tests).
os.environ["SEARCH_COUNTS_DAYS"] = "0"
worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if worker:
    # A worker of pytest-xdist: its own part of the folder that the first process made and will remove.
    os.environ["VAR_DIR"] = os.path.join(os.environ["VAR_DIR"], worker)
    # And its own numbered database of a Redis: tests empty the cache.
    for name in ("CACHE_URL", "CELERY_BROKER_URL"):
        url = urlsplit(os.environ.get(name, ""))
        if url.scheme in {"redis", "rediss"}:
            number = int(url.path.strip("/") or 0) + int(worker.removeprefix("gw"))
            os.environ[name] = urlunsplit(url._replace(path=f"/{number}"))
else:
    # Memory, where there is enough of it: the tests write some hundred indexes, each with its own fsync.
    memory = "/dev/shm"  # noqa: S108
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_BYTES and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = tempfile.tempdir = memory
    os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="vitrine-test-")
    atexit.register(shutil.rmtree, os.environ["VAR_DIR"], ignore_errors=True)
