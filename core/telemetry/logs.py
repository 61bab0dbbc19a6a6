"""Structured logs: one JSON object a line (for people with DEBUG), whatever logger it came from, with its context.

The context is what `structlog.contextvars` holds: the request's id in the web, the task and the request that it
came from in the worker. Nothing secret leaves: `redact` is the last word before a line is written.
"""

import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[redacted]"
# Fields that never say what they hold, whatever they hold.
SECRET_KEYS = re.compile(
    r"pass(word|wd)|secret|authorization|cookie|credential|(^|_)(token|jwt|key|body|html|message_body|variables)$", re.I
)
_SECRETS = (
    # A signed token, wherever it stands.
    (re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    # The password of a URL.
    (re.compile(r"(\w://[^\s:/@]*:)[^\s/@]+@"), rf"\1{HIDDEN}@"),
    (
        re.compile(
            r"""(?i)((?:password|passwd|secret|token|api_?key)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,&;"')\]}]+)"""
        ),
        rf"\1{HIDDEN}",
    ),
)


def hide(text: str) -> str:
    """The text without tokens and passwords that have got into it, such as through an exception's message."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {key: HIDDEN if SECRET_KEYS.search(str(key)) else _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_clean(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else hide(str(value))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor: no field says a password, a token or a body."""
    trace = event.pop("exc_info", None)
    cleaned = _clean(event)
    return cleaned if trace is None else {**cleaned, "exc_info": trace}


def _renderer(human: bool) -> Processor:
    if human:
        return structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def configuration(*, human: bool, level: str) -> dict[str, Any]:
    """Sets structlog up and returns the matching `LOGGING` (dictConfig) for everybody else's loggers."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if human else "iso", utc=not human),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    # The console formats an exception itself.
    last += [redact] if human else [structlog.processors.format_exc_info, redact]
    formatter = {
        "()": "structlog.stdlib.ProcessorFormatter",
        "processors": [*last, _renderer(human)],
        "foreign_pre_chain": shared,
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"event": formatter},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "event"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Django hands these to its own handlers too; each request has its line already (core.telemetry.requests).
            "django": {"handlers": [], "level": level, "propagate": True},
            # An exception has its own line with an id already (core.http.unexpected).
            "django.request": {"level": "CRITICAL"},
            # Any stranger can send a wrong Host as often as they like: the request's own line says 400.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            # Each task has its line already (core.telemetry.tasks).
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
        },
    }
