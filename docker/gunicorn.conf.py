"""gunicorn in the container; the environment can set what depends on the machine.

Measured with bench/web.py: a GraphQL page of 20 products on MariaDB, 16 clients, a connection for each request, 2 cores
that also ran the clients and the database; median of 3 rounds in turns and, in brackets, least and most. Figures whose
brackets overlap are not told apart.

    class    processes  threads  preload  requests/s     CPU ms a request  p99 ms  MB
    sync             2        1  yes      246 (231–294)   6.5 (5.7–7.0)       137  195
    sync             4        1  yes      235 (220–239)   7.1 (7.1–7.8)        91  232
    threads          1        4  yes      107 (104–116)   9.7 (8.8–9.8)       236  142
    threads          2        1  yes      227 (193–267)   7.1 (6.2–7.8)       207  196
    threads          2        2  yes      230 (177–254)   7.0 (6.3–8.5)       197  198
    threads          2        4  yes      189 (185–205)   8.1 (7.5–8.2)       233  200
    threads          2        8  yes      200 (166–230)   7.8 (6.9–8.6)       200  203
    threads          4        4  yes      210 (200–218)   8.1 (7.7–8.4)       238  238
    threads          2        4  no       170 (164–231)   8.7 (6.6–8.7)       195  195

- One process for each core: one process leaves half of the two cores idle; four were not told apart from two, and take
  a fifth more memory.
- Threads have a price: 189 requests/s against 246 of two single-threaded processes, as long as every answer is quick.
  They are there for those that are not: a sign-in (Argon2), a slow client's upload or a slow statement would hold one
  of two processes, and with it half the service. Eight were not told apart from four; they
  are the default, so that a burst of sign-ins can wait for its turn to hash while a thread stays free.
- Preload made no difference that was measured, in memory, speed or time to the first answer (0.8 to 1.0 s all). It is
  on because a wrong setting then ends the container instead of one worker after the other. Nothing may be open before
  the fork: connections to MySQL and Redis, the broker's pool, the search index and the pool of image processes are all
  made by the first request that wants them, in each process (threads: each its own connection to MySQL); an app's
  ready() must keep it so.
"""

import os
import tempfile
from typing import Any

from core.config import env
from core.config.machine import fitting_processes, usable_cores
from core.config.secrecy import refuse_inspection
from core.patches import gunicorn
from core.telemetry import logs

# The master too, which reads no settings without preload.
refuse_inspection()

# Bytes: what one process takes (100 MB in the table above, as much again for caches that fill), a password while it is
# hashed, and everything else in the container: the master, and uploads in /tmp, which is memory.
PROCESS_MEMORY, HASH_MEMORY, RESERVED_MEMORY = 200 * 2**20, 100 * 2**20, 256 * 2**20


def default_workers() -> int:
    """A process for each core that the container may use, as far as its memory goes; hashes run on every core."""
    return fitting_processes(each=PROCESS_MEMORY, reserved=RESERVED_MEMORY + usable_cores() * HASH_MEMORY)


bind = f"0.0.0.0:{env.integer('PORT', 8000, least=1, most=65535)}"
worker_class = os.environ.get("WORKER_CLASS") or "core.patches.gunicorn.DrainingWorker"
workers = env.integer("WEB_CONCURRENCY", 0, most=1000) or default_workers()
threads = env.integer("WEB_THREADS", 8, least=1, most=1000)
# core.settings reads it too.
os.environ["WEB_THREADS"] = str(threads)
# Over all processes as many password hashes at once as cores (users.hashers).
os.environ["MAX_PASSWORD_HASHES"] = str(
    env.integer("MAX_PASSWORD_HASHES", 0, most=1000) or max(1, usable_cores() // workers)
)
preload_app = os.environ.get("WEB_PRELOAD", "1") == "1"
# Against leaks that nobody has seen yet; the jitter, so that processes do not end together.
max_requests, max_requests_jitter = 20_000, 4_000
# A worker whose loop stands still for so long is killed; its threads may take longer, nginx waits 60 seconds.
timeout = 30
# `docker stop` kills after 10 seconds.
graceful_timeout = 8
# nginx opens a connection for each request (docker/nginx/vitrine.conf.template tells why).
keepalive = 2
backlog = 1024
control_socket_disable = True
# The heartbeat files of workers belong into memory.
worker_tmp_dir = "/dev/shm"  # noqa: S108
forwarded_allow_ips = ""
# Each request has its line already (core.telemetry.requests).
accesslog = None
log_level = env.choice("LOG_LEVEL", "INFO", env.LOG_LEVELS)
loglevel = log_level.lower()
logconfig_dict = {
    **logs.configuration(human=False, level=log_level),
    "loggers": {
        "gunicorn.error": {"handlers": [], "propagate": True},
        "gunicorn.access": {"handlers": [], "level": "ERROR", "propagate": True},
    },
}

# Through this folder the processes add up what they count (core.telemetry.metrics).
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="vitrine-metrics-"))
os.environ["METRICS_SLOT"] = "master"


on_starting = gunicorn.announce_stop


def pre_fork(server: Any, worker: Any) -> None:
    """Gives the new worker the first place that no living one has: it goes on with that one's counters."""
    taken = {other.slot for other in server.WORKERS.values() if hasattr(other, "slot")}
    worker.slot = min(set(range(len(taken) + 1)) - taken)


def post_fork(server: Any, worker: Any) -> None:
    """In the new process: its own place among the counters."""
    os.environ["METRICS_SLOT"] = str(worker.slot)
