"""Serves `/metrics` for Prometheus: for all web processes together, and for a worker on a port of its own."""

import os
from collections.abc import Callable, Iterable
from http.client import responses
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
    """All metrics in Prometheus' text format."""
    counters = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counters = CollectorRegistry()
        multiprocess.MultiProcessCollector(counters)
    gauges = CollectorRegistry()
    gauges.register(Gauges())
    return exposition.generate_latest(counters) + exposition.generate_latest(gauges)


CHALLENGE = 'Bearer realm="metrics"'


def refusal(authorization: str) -> tuple[int, str] | None:
    """Why a scrape with this Authorization header is refused, as status and reason; None when it is allowed.

    The bearer token must be METRICS_TOKEN. Without that setting the metrics are closed; with DEBUG they are open.
    """
    token: str = settings.METRICS_TOKEN
    if not token:
        return (
            None if settings.DEBUG else (404, "The metrics are closed: set METRICS_TOKEN to open them to its bearer.")
        )
    scheme, _, bearer = authorization.partition(" ")
    if scheme.lower() == "bearer" and compare_digest(bearer.strip().encode(), token.encode()):
        return None
    return 401, "Send METRICS_TOKEN as bearer token."


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """GET: the metrics. 401 without METRICS_TOKEN as bearer token, 404 without the setting."""
    if refused := refusal(request.META.get("HTTP_AUTHORIZATION", "")):
        status, reason = refused
        headers = {"WWW-Authenticate": CHALLENGE} if status == 401 else None
        return HttpResponse(f"{reason}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers)
    return HttpResponse(exposed(), content_type=exposition.CONTENT_TYPE_LATEST)


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing."""


def _worker_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ.get("PATH_INFO") != "/metrics":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"Only /metrics is here.\n"]
    if refused := refusal(environ.get("HTTP_AUTHORIZATION", "")):
        status, reason = refused
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        headers += [("WWW-Authenticate", CHALLENGE)] if status == 401 else []
        start_response(f"{status} {responses[status]}", headers)
        return [f"{reason}\n".encode()]
    start_response("200 OK", [("Content-Type", exposition.CONTENT_TYPE_LATEST)])
    # Only what this worker counts. Gauges are the web's.
    return [exposition.generate_latest(REGISTRY)]


@worker_init.connect
def serve_worker_metrics(**_: Any) -> None:
    """Serves /metrics on METRICS_PORT, if it is set. A worker's tasks are all threads of this process."""
    if settings.METRICS_PORT:
        server = make_server("", settings.METRICS_PORT, _worker_app, handler_class=_Silent)
        Thread(target=server.serve_forever, name="metrics", daemon=True).start()
