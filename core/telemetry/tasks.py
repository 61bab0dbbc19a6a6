"""Gives tasks the id of the request that caused them, a log line and their metrics."""

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
def _configure_logging(**_: Any) -> None:
    """Keeps Celery from adding its own handlers to the root logger."""
    logging.config.dictConfig(settings.LOGGING)


@before_task_publish.connect
def _send_request_id(headers: dict[str, Any], **_: Any) -> None:
    request_id = get_contextvars().get("request_id")
    if request_id:
        headers[HEADER] = request_id


@task_prerun.connect
def _begin(task_id: str, task: Any, **_: Any) -> None:
    if task.request.is_eager:
        return  # it runs within a request and is part of its recording
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
        succeeded = state in {"SUCCESS", "RETRY", "IGNORED", None}
        # Most sweeps find nothing. The metrics count them, so the log leaves them out.
        is_notable = "request_id" in get_contextvars() or recording.facts
        log = logger.error if not succeeded else logger.info if is_notable else logger.debug
        log("task", state=state, **recording.facts, **recording.costs())
        recording.log_if_slow()
    clear_contextvars()
