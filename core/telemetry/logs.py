"""Structured logs of all loggers: one JSON object for each line, or readable text with DEBUG.

Each line has its context (`structlog.contextvars`): in the web the request's id, in the worker the task and the id of
the request that caused it. `redact` runs last, so that no secret is written.
"""

import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[redacted]"
# Fields whose values are always hidden.
SECRET_KEYS = re.compile(
    r"pass(word|wd)|secret|authorization|cookie|credential|(^|_)(token|jwt|key|body|html|message_body|variables)$", re.I
)
# How much of a text is searched for secrets. Clients choose some texts: a name, a path, a message that repeats it.
MAX_KEY, MAX_TEXT, MAX_TRACE, MAX_ITEMS, MAX_NESTING = 100, 2_000, 30_000, 100, 5
# Each pattern takes time linear in the text's length: its quantifiers are possessive, and what they scan cannot hold
# another beginning of a match.
_SECRETS = (
    # A signed token, whole or cut, anywhere in the text.
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
# Each of them needs one of these.
_HINT = re.compile(r"eyJ|://|bearer|basic|passw|secret|token|api_?key", re.IGNORECASE)


def hide(text: str, max_length: int = MAX_TEXT) -> str:
    """The text without tokens and passwords, which may come from an exception's message.

    Keeps only the beginning and the end of a text that is longer than `max_length`.
    """
    if len(text) > max_length:
        text = f"{text[: max_length // 2]} … {text[-max_length // 2 :]}"
    if _HINT.search(text):
        for pattern, replacement in _SECRETS:
            text = pattern.sub(replacement, text)
    return text


@lru_cache(maxsize=1_000)
def _is_secret(key: str) -> bool:
    return SECRET_KEYS.search(key) is not None


def _clean(value: Any, nesting: int = MAX_NESTING) -> Any:
    if isinstance(value, str):
        return hide(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if nesting and isinstance(value, Mapping):
        items = ((str(key)[-MAX_KEY:], item) for key, item in islice(value.items(), MAX_ITEMS))
        return {key: HIDDEN if _is_secret(key) else _clean(item, nesting - 1) for key, item in items}
    if nesting and isinstance(value, list | tuple | set):
        return [_clean(item, nesting - 1) for item in islice(value, MAX_ITEMS)]
    return hide(str(value))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor that hides passwords, tokens and bodies."""
    traces = {}
    if (exc_info := event.pop("exc_info", None)) is not None:
        traces["exc_info"] = exc_info
    if (text := event.pop("exception", None)) is not None:
        traces["exception"] = hide(str(text), MAX_TRACE)
    return {**_clean(event), **traces}


def _renderer(human: bool) -> Processor:
    if human:
        return structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def configuration(*, human: bool, level: str) -> dict[str, Any]:
    """Configures structlog; returns the `LOGGING` (dictConfig) that gives all other loggers the same form."""
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
            # Without Django's own handlers. Each request has its line already (core.telemetry.requests).
            "django": {"handlers": [], "level": level, "propagate": True},
            # An exception has its line with an id already (core.http.unexpected).
            "django.request": {"level": "CRITICAL"},
            # Any stranger can send wrong Host headers. The request's own line says 400.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            # The same of whoever sends too much, such as more rows chosen one by one than a page takes.
            **{f"django.security.{name}": {"level": "CRITICAL"} for name in ("TooManyFieldsSent", "TooManyFilesSent")},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            # Each task has its line already (core.telemetry.tasks).
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
        },
    }
