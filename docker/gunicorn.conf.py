"""gunicorn in the container; the environment can set what depends on the machine.

Measured with bench/web.py, a GraphQL page of 20 products on MySQL, 16 clients, 2 cores shared with other work (load 6
to 13, so that a difference below 20 % says nothing; median of 3 rounds):

    class      processes  threads  preload  requests/s  CPU ms a request  MB   first answer s
    sync               2        1  yes              74              12.5  173  1.1
    sync               4        1  yes              37              17.6  207  1.0
    threads            1        4  yes              49              13.3  122  1.0
    threads            2        4  yes              62              13.1  175  1.7
    threads            2        8  yes              74              13.3  177  2.0
    threads            4        4  yes              59              19.9  264  2.8
    threads            2        4  no               68              13.7  173  2.4

- One process for each core: fewer leave a core idle, more cost a third more processor time for each request.
- Threads cost nothing and let a process serve others while one waits for MySQL or a client. Four, not eight: each
  sign-in under way takes 100 MB (Argon2), each thread a connection to MySQL.
- Preload imports once: sooner there, and a wrong setting ends the container instead of one worker after the other. It
  saves no memory. Nothing may be open before the fork: connections to MySQL and Redis, the broker's pool, the search
  index and the pool of image processes are all made by the first request that wants them, in each process (threads:
  each its own connection to MySQL); an app's ready() must keep it so.
"""

import math
import os
import tempfile
from pathlib import Path
from typing import Any

from core.telemetry import logs


def cores() -> int:
    """The cores that this container may use: those of its cgroup's quota, rounded up, else the machine's."""
    found = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return found
    return found if quota == "max" else max(1, min(found, math.ceil(int(quota) / int(period))))


bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
worker_class = os.environ.get("WORKER_CLASS") or "core.serving.DrainingWorker"
workers = int(os.environ.get("WEB_CONCURRENCY") or cores())
threads = int(os.environ.get("WEB_THREADS") or 4)
preload_app = os.environ.get("WEB_PRELOAD", "1") == "1"
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
loglevel = os.environ.get("LOG_LEVEL", "info").lower()
logconfig_dict = {
    **logs.configuration(human=False, level=os.environ.get("LOG_LEVEL", "INFO")),
    "loggers": {
        "gunicorn.error": {"handlers": [], "propagate": True},
        "gunicorn.access": {"handlers": [], "level": "ERROR", "propagate": True},
    },
}

# Through this folder the processes add up what they count (core.telemetry.metrics).
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="vitrine-metrics-"))
os.environ["METRICS_SLOT"] = "master"


def pre_fork(server: Any, worker: Any) -> None:
    """Gives the new worker the first place that no living one has: it goes on with that one's counters."""
    taken = {other.slot for other in server.WORKERS.values() if hasattr(other, "slot")}
    worker.slot = min(set(range(len(taken) + 1)) - taken)


def post_fork(server: Any, worker: Any) -> None:
    """In the new process: its own place among the counters."""
    os.environ["METRICS_SLOT"] = str(worker.slot)
