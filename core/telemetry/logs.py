"""Structured logs: one JSON object a line (for people with DEBUG), whatever logger it came from, with its context.

The context is what `structlog.contextvars` holds: the request's id in the web, the task and the request that it
came from in the worker. Nothing secret leaves: `redact` is the last word before a line is written.
"""

import re
import sys
from collections.abc import Mapping
from itertools import islice
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[redacted]"
# Fields that never say what they hold, whatever they hold.
SECRET_KEYS = re.compile(
    r"pass(word|wd)|secret|authorization|cookie|credential|(^|_)(token|jwt|key|body|html|message_body|variables)$", re.I
)
# What a client chose (a name, a path, a message that echoes it) can have any length: no more than this is looked at.
MAX_KEY, MAX_TEXT, MAX_TRACE, MAX_ITEMS, MAX_NESTING = 100, 2_000, 30_000, 100, 5
# Each pattern runs once over what it matches and never back (possessive quantifiers), and what it scans holds no other
# beginning of it: so it takes time linear in the text's length, whatever the text.
_SECRETS = (
    # A signed token, wherever it stands; of one that was cut, what is left.
    (re.compile(r"eyJ[\w-]{8}[\w.-]*+"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s++[\w.~+/=-]{8}[\w.~+/=-]*+"), rf"\1 {HIDDEN}"),
    # The password of a URL.
    (re.compile(r"(\w://[^\s:/@]*+:)[^\s/@]++@"), rf"\1{HIDDEN}@"),
    (
        re.compile(
            r"""(?i)((?:password|passwd|secret|token|api_?key)["']?\s*+[=:]\s*+)"""
            r"""("[^"]*+"?|'[^']*+'?|[^\s,&;"')\]}]++)"""
        ),
        rf"\1{HIDDEN}",
    ),
)


def hide(text: str, longest: int = MAX_TEXT) -> str:
    """The text without tokens and passwords that have got into it, such as through an exception's message.

    Of a text that is longer than the longest, its beginning and its end.
    """
    if len(text) > longest:
        text = f"{text[: longest // 2]} … {text[-longest // 2 :]}"
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _clean(value: Any, nesting: int = MAX_NESTING) -> Any:
    if isinstance(value, str):
        return hide(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if nesting and isinstance(value, Mapping):
        items = ((str(key)[-MAX_KEY:], item) for key, item in islice(value.items(), MAX_ITEMS))
        return {key: HIDDEN if SECRET_KEYS.search(key) else _clean(item, nesting - 1) for key, item in items}
    if nesting and isinstance(value, list | tuple | set):
        return [_clean(item, nesting - 1) for item in islice(value, MAX_ITEMS)]
    return hide(str(value))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor: no field says a password, a token or a body."""
    kept = {}
    if (trace := event.pop("exc_info", None)) is not None:
        kept["exc_info"] = trace
    if (text := event.pop("exception", None)) is not None:
        kept["exception"] = hide(str(text), MAX_TRACE)
    return {**_clean(event), **kept}


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
