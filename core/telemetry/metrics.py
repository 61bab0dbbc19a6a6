"""What Prometheus may ask: counted here (`Histogram`, `Counter`), or looked up when asked (`register_gauge`).

With several processes behind one door, PROMETHEUS_MULTIPROC_DIR names the folder through which they add up, and
METRICS_SLOT this process's place in it. The next process takes the slot over, so that the folder does not grow with
every worker that is recycled (prometheus_client itself would keep a file for each process id there ever was).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from time import perf_counter
from typing import Any, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily

from core.patches.prometheus import use_slots

# Before the first metric is made.
use_slots()

logger = structlog.get_logger(__name__)
REGISTRY = CollectorRegistry()
FAST = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
SLOW = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300)
COUNTS = (0, 1, 2, 3, 5, 8, 12, 20, 50, 100)

REQUESTS = Histogram(
    "vitrine_request_seconds", "HTTP requests.", ["method", "route", "status"], buckets=FAST, registry=REGISTRY
)
QUERIES = Histogram(
    "vitrine_request_queries", "SQL statements of a request.", ["route"], buckets=COUNTS, registry=REGISTRY
)
OPERATIONS = Histogram(
    "vitrine_graphql_operation_seconds",
    "GraphQL operations; outcome: ok, errors (some), refused (nothing ran).",
    ["operation", "type", "outcome"],
    buckets=FAST,
    registry=REGISTRY,
)
PLANLESS = Counter(
    "vitrine_graphql_fallbacks", "Operations that graphql-core executed for want of a plan.", registry=REGISTRY
)
SEARCHES = Histogram(
    "vitrine_search_seconds", "Questions to a search engine.", ["engine", "question"], buckets=FAST, registry=REGISTRY
)
FALLBACKS = Counter(
    "vitrine_search_fallbacks", "Questions that the database answered for want of an index.", registry=REGISTRY
)
CACHE = Counter("vitrine_cache_lookups", "Keys looked up in the cache: hit or miss.", ["result"], registry=REGISTRY)
TASKS = Histogram(
    "vitrine_task_seconds", "Celery tasks, in the worker.", ["task", "state"], buckets=SLOW, registry=REGISTRY
)

# Clients choose the names of their operations: so many have their own series in each process, the rest share one.
MOST_NAMES = 100
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,63}", re.ASCII)
_names: set[str] = set()

Readings = float | Mapping[str, float]
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Gauge:
    """A figure that is looked up when somebody asks: a number, or numbers by the value of one label."""

    name: str
    help: str
    read: Callable[[], Readings]
    label: str | None = None


_gauges: dict[str, Gauge] = {}


def register_gauge(name: str, help: str, read: Callable[[], Readings], *, label: str | None = None) -> None:
    """Adds `vitrine_<name>` to /metrics; to be called in an app's `ready()`.

    `read` runs at each scrape, so it must be cheap: one indexed query. It returns a number, or with `label` a mapping
    of the label's values to numbers. When it raises, the figure is missing and `vitrine_gauge_failed` names it.
    """
    _gauges[name] = Gauge(name, help, read, label)


def operation_label(name: str | None) -> str:
    """The operation's name as a label: bounded in length and number."""
    if not name:
        return "anonymous"
    if name in _names:
        return name
    if len(_names) >= MOST_NAMES or not _NAME.fullmatch(name):
        return "other"
    _names.add(name)
    return name


def observe_operation(facts: Mapping[str, Any], status: int, seconds: float) -> None:
    """Counts a GraphQL operation by what the view noted of it: operation, operation_type, errors."""
    outcome = "errors" if facts.get("errors") else "ok" if status < 400 else "refused"
    OPERATIONS.labels(operation_label(facts.get("operation")), facts["operation_type"], outcome).observe(seconds)


def timed_search(engine: str, operation: str) -> Callable[[Function], Function]:
    """Decorator of a search engine's methods: counts and times each call."""

    def decorate(function: Function) -> Function:
        @wraps(function)
        def measured(*args: Any, **kwargs: Any) -> Any:
            started = perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                SEARCHES.labels(engine, operation).observe(perf_counter() - started)

        return measured  # type: ignore[return-value]

    return decorate


class Gauges:
    """Collector of the registered gauges, looked up now."""

    def collect(self) -> list[GaugeMetricFamily]:
        """A family for each gauge that could be read, and one that names those that could not."""
        families = []
        failed = GaugeMetricFamily("vitrine_gauge_failed", "Figures that could not be looked up.", labels=["gauge"])
        for gauge in list(_gauges.values()):
            labels = [gauge.label] if gauge.label else []
            family = GaugeMetricFamily(f"vitrine_{gauge.name}", gauge.help, labels=labels)
            try:
                found = gauge.read()
                for value, number in found.items() if isinstance(found, Mapping) else [(None, found)]:
                    family.add_metric([str(value)] if gauge.label else [], float(number))
            except Exception as error:
                # Whatever stands behind it is down; the other figures are wanted all the more.
                logger.warning("a gauge could not be read", gauge=gauge.name, error=str(error))
                failed.add_metric([gauge.name], 1)
                continue
            families.append(family)
        return [*families, failed]
