"""gunicorn's settings in the container. The environment can set what depends on the machine.

Measured with bench/web.py: a GraphQL page of 20 products on MariaDB, 16 clients, a connection for each request, 2 cores
that also ran the clients and the database. Medians of 3 interleaved rounds; in brackets the lowest and the highest.
Where brackets overlap, there is no measured difference.

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

- One process for each core. One process leaves half of two cores idle. Four show no difference from two, and take a
  fifth more memory.
- Threads have a price while every answer is quick: 189 requests/s, where two single-threaded processes have 246. They
  are there for slow answers: a sign-in (Argon2), a slow client's upload or a slow statement would hold one of two
  processes, and with it half the service. Eight show no difference from four. Eight are the default, so that a thread
  stays free while a burst of sign-ins waits to hash passwords.
- Preload made no difference in memory, speed or time to the first answer (0.8 to 1.0 s for all). It is on because then
  a wrong setting ends the container, instead of one worker after the other. Nothing may be open before the fork: in
  each process, the first request that needs them opens connections to MySQL (one for each thread) and Redis, the
  broker's pool, the search index and the pool of image processes. An app's ready() must keep it so.
"""

import os
import tempfile
from typing import Any

from core.config import env
from core.config.machine import fitting_processes, usable_cores
from core.config.secrecy import refuse_inspection
from core.patches import gunicorn
from core.telemetry import logs

# In the master too, which reads no Django settings without preload.
refuse_inspection()

# What one process takes (100 MB in the table above, and as much again for its caches), what hashing a password takes,
# and what the rest of the container takes: the master, and uploads in /tmp, which is memory.
PROCESS_BYTES, HASH_BYTES, RESERVED_BYTES = 200 * 2**20, 100 * 2**20, 256 * 2**20


def default_workers() -> int:
    """A process for each core that the container may use, if its memory is enough. Hashes may run on every core."""
    return fitting_processes(bytes_per_process=PROCESS_BYTES, reserved=RESERVED_BYTES + usable_cores() * HASH_BYTES)


bind = f"0.0.0.0:{env.integer('PORT', 8000, minimum=1, maximum=65535)}"
worker_class = os.environ.get("WORKER_CLASS") or "core.patches.gunicorn.DrainingWorker"
workers = env.integer("WEB_CONCURRENCY", 0, maximum=1000) or default_workers()
threads = env.integer("WEB_THREADS", 8, minimum=1, maximum=1000)
# core.settings reads it too.
os.environ["WEB_THREADS"] = str(threads)
# All processes together hash as many passwords at once as there are cores (users.hashers).
os.environ["MAX_PASSWORD_HASHES"] = str(
    env.integer("MAX_PASSWORD_HASHES", 0, maximum=1000) or max(1, usable_cores() // workers)
)
preload_app = os.environ.get("WEB_PRELOAD", "1") == "1"
# Against memory leaks, though none is known. With the jitter, processes do not end together.
max_requests, max_requests_jitter = 20_000, 4_000
# Seconds after which a worker whose main loop hangs is killed. Its threads may take longer: nginx waits 60 seconds.
timeout = 30
# In seconds; `docker stop` kills after 10.
graceful_timeout = 8
# nginx opens a connection for each request (docker/nginx/vitrine.conf.template tells why).
keepalive = 2
backlog = 1024
control_socket_disable = True
# gunicorn's own, written in Python. By default it takes a parser in C as soon as that package (gunicorn_h1c) is
# installed, which is young and would decide what reaches us. That must be a decision, not a side effect.
http_parser = "python"
# Keeps the heartbeat files of workers in memory.
worker_tmp_dir = "/dev/shm"  # noqa: S108
forwarded_allow_ips = ""
# Each request has its log line already (core.telemetry.requests).
accesslog = None
logger_class = gunicorn.Logger
log_level = env.choice("LOG_LEVEL", "INFO", env.LOG_LEVELS)
loglevel = log_level.lower()
logconfig_dict = {
    **logs.configuration(human=False, level=log_level),
    "loggers": {
        "gunicorn.error": {"handlers": [], "propagate": True},
        "gunicorn.access": {"handlers": [], "level": "ERROR", "propagate": True},
    },
}

# Through files in this folder the processes add up their metrics (core.telemetry.metrics).
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="vitrine-metrics-"))
os.environ["METRICS_SLOT"] = "master"


on_starting = gunicorn.announce_stop


def pre_fork(server: Any, worker: Any) -> None:
    """Gives the new worker the first slot that no living worker has. It goes on with the counters of that slot."""
    taken = {other.slot for other in server.WORKERS.values() if hasattr(other, "slot")}
    worker.slot = min(set(range(len(taken) + 1)) - taken)


def post_fork(server: Any, worker: Any) -> None:
    """Runs in the new process."""
    os.environ["METRICS_SLOT"] = str(worker.slot)
