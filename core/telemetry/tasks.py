"""Tasks carry the id of the request that sent them, and tell what they did as requests do."""

import logging.config
from contextlib import ExitStack
from typing import Any

import structlog
from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun
from django.conf import settings
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from core.telemetry import metrics
from core.telemetry.recording import Recording, recorded

logger = structlog.get_logger("vitrine.task")
HEADER = "vitrine_request_id"
_running: dict[str, tuple[ExitStack, Recording]] = {}


@setup_logging.connect
def _log_as_django_does(**_: Any) -> None:
    """Keeps Celery from putting handlers of its own on the root logger."""
    logging.config.dictConfig(settings.LOGGING)


@before_task_publish.connect
def _send_request_id(headers: dict[str, Any], **_: Any) -> None:
    request_id = get_contextvars().get("request_id")
    if request_id:
        headers[HEADER] = request_id


@task_prerun.connect
def _begin(task_id: str, task: Any, **_: Any) -> None:
    if task.request.is_eager:
        return  # it runs within a request, whose own recording it belongs to
    clear_contextvars()
    bind_contextvars(task=task.name, task_id=task_id)
    request_id = getattr(task.request, HEADER, None)
    if isinstance(request_id, str):
        bind_contextvars(request_id=request_id)
    stack = ExitStack()
    _running[task_id] = stack, stack.enter_context(recorded())


@task_postrun.connect
def _end(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    if task_id not in _running:
        return
    stack, recording = _running.pop(task_id)
    with stack:
        metrics.TASKS.labels(task.name, str(state)).observe(recording.seconds())
        well = state in {"SUCCESS", "RETRY", "IGNORED", None}
        # Beat's sweeps come every few seconds and mostly find nothing; the metrics count them.
        asked_for = "request_id" in get_contextvars() or recording.facts
        tell = logger.error if not well else logger.info if asked_for else logger.debug
        tell("task", state=state, **recording.facts, **recording.costs())
        recording.tell_if_slow()
    clear_contextvars()
