"""Probes: `/healthz` (the process lives), `/readyz` (the state of each dependency) and `/metrics`.

An early middleware answers them: a probe has the address of a pod or container in its Host header, which ALLOWED_HOSTS
would refuse, and needs neither a session nor TLS.
"""

import logging
import os
import uuid
from collections.abc import Callable
from functools import cache as once
from pathlib import Path
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.jobs.broker import check_writable
from core.jobs.notify import connect
from core.telemetry.scraping import metrics

logger = logging.getLogger(__name__)
# What a check reports besides its status.
Facts = dict[str, Any]


class NotReadyError(Exception):
    """A dependency answers but cannot be used. The text is the reason, which strangers read too."""

    def __init__(self, reason: str, *, status: str = "down", **facts: Any) -> None:
        self.status, self.facts = status, facts
        super().__init__(reason)


@once
def known_migrations() -> frozenset[tuple[str, str]]:
    """The last migration of every app, as (app, name), read from disk once."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def check_database() -> None:
    """Raises when the database cannot be read or lacks migrations: no request would succeed."""
    missing = known_migrations() - MigrationRecorder(connection).applied_migrations().keys()
    if missing:
        raise NotReadyError(f"migrations not applied: {', '.join(sorted({label for label, _ in missing}))}")


def check_cache() -> None:
    """Raises when a value written to the cache cannot be read."""
    key = f"readyz:{uuid.uuid4()}"
    cache.set(key, "1", timeout=10)
    if cache.get(key) != "1":
        raise NotReadyError("a value written did not come back")
    cache.delete(key)


def check_broker() -> None:
    """Raises when the broker would not accept a message."""
    if settings.CELERY_BROKER_URL.startswith("embedded:"):
        check_writable(Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["folder"]))
    else:
        connect().release()


CHECKS: dict[str, Callable[[], Facts | None]] = {
    "database": check_database,
    "cache": check_cache,
    "broker": check_broker,
}


def register(name: str, check: Callable[[], Facts | None]) -> None:
    """Adds a check. It returns facts to show, and raises when something is wrong: NotReadyError with the reason."""
    CHECKS[name] = check


# Without these no request succeeds. Without the others the service goes on, slower.
VITAL = {"database"}


def reason(error: BaseException) -> str:
    """The reason in a few words for strangers. Drivers' own texts contain hosts, users and passwords."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError) or type(cause).__name__ == "TimeoutError":
            return "no answer in time"
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno) if cause.errno > 0 else "name not found"
        cause = cause.__cause__ or cause.__context__
    code = error.args[0] if error.args and isinstance(error.args[0], int) else None
    return f"{type(error).__name__} {code}" if code else type(error).__name__


def state_of(name: str) -> dict[str, object]:
    """The state of a dependency: status (ok, degraded, unknown or down), latency_ms, facts, perhaps a reason."""
    started = perf_counter()
    try:
        state: dict[str, object] = {"status": "ok", **(CHECKS[name]() or {})}
    except NotReadyError as error:
        logger.warning("%s is %s: %s", name, error.status, error)
        state = {"status": error.status, "reason": str(error), **error.facts}
    except Exception as error:
        # Drivers raise exceptions of every kind. Only the log gets the whole text.
        logger.warning("%s is down: %s", name, error)
        state = {"status": "down", "reason": reason(error)}
    state["latency_ms"] = round((perf_counter() - started) * 1000, 1)
    return state


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """GET: 200 as long as this process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """GET: the state of each dependency; 503 when a vital one is down."""
    checks = {name: state_of(name) for name in CHECKS}
    failing = {name for name, state in checks.items() if state["status"] != "ok"}
    status = "down" if failing & VITAL else "degraded" if failing else "ok"
    return JsonResponse({"status": status, "checks": checks}, status=503 if status == "down" else 200)


PROBES = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}


def probes(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: answers the probes before anything looks at the Host header."""

    def middleware(request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        return probe(request) if probe else get_response(request)

    return middleware
