"""`/metrics` for Prometheus: this service's processes together, from the web or from a worker's own port."""

import os
from collections.abc import Callable, Iterable
from secrets import compare_digest
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from celery.signals import worker_init
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, exposition, multiprocess

from core.jobs.heartbeat import queue_names
from core.jobs.notify import connect
from core.telemetry.metrics import REGISTRY, Gauges, register_gauge


def queue_depths() -> dict[str, float]:
    """Messages waiting in each queue of the broker."""
    with connect() as broker:
        channel = broker.default_channel
        return {name: channel._size(name) for name in sorted(queue_names())}


register_gauge("queue_depth", "Messages waiting in the broker.", queue_depths, label="queue")


def exposed() -> bytes:
    """All figures in Prometheus' text format."""
    counted = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)
    looked_up = CollectorRegistry()
    looked_up.register(Gauges())
    return exposition.generate_latest(counted) + exposition.generate_latest(looked_up)


def is_allowed(authorization: str) -> bool:
    """Whether the Authorization header shows METRICS_TOKEN; anything does when there is none."""
    token: str = settings.METRICS_TOKEN
    return not token or compare_digest(authorization.encode(), f"Bearer {token}".encode())


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """GET: the figures; 401 without METRICS_TOKEN as bearer token, when that is set."""
    if not is_allowed(request.META.get("HTTP_AUTHORIZATION", "")):
        headers = {"WWW-Authenticate": 'Bearer realm="metrics"'}
        return HttpResponse("METRICS_TOKEN is wanted.\n", status=401, content_type="text/plain", headers=headers)
    return HttpResponse(exposed(), content_type=exposition.CONTENT_TYPE_LATEST)


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A scrape is no news."""


def _worker_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ.get("PATH_INFO") != "/metrics":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"Only /metrics is here.\n"]
    if not is_allowed(environ.get("HTTP_AUTHORIZATION", "")):
        start_response("401 Unauthorized", [("Content-Type", "text/plain"), ("WWW-Authenticate", "Bearer")])
        return [b"METRICS_TOKEN is wanted.\n"]
    start_response("200 OK", [("Content-Type", exposition.CONTENT_TYPE_LATEST)])
    # What a worker counts itself; what is looked up, the web answers.
    return [exposition.generate_latest(REGISTRY)]


@worker_init.connect
def serve_worker_metrics(**_: Any) -> None:
    """A worker with METRICS_PORT answers /metrics there: its tasks run as threads of this one process."""
    if settings.METRICS_PORT:
        server = make_server("", settings.METRICS_PORT, _worker_app, handler_class=_Silent)
        Thread(target=server.serve_forever, name="metrics", daemon=True).start()
