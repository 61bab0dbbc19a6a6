"""The metrics: counted here (`Histogram`, `Counter`), or looked up at each scrape (`register_gauge`).

Several processes of one service add up their counts through files in PROMETHEUS_MULTIPROC_DIR. METRICS_SLOT names this
process's files; its successor uses them too (core.patches.prometheus).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, wraps
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

import prometheus_client
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
    "vitrine_graphql_fallbacks", "Operations that graphql-core executed because there was no plan.", registry=REGISTRY
)
SEARCHES = Histogram(
    "vitrine_search_seconds", "Queries to a search engine.", ["engine", "question"], buckets=FAST, registry=REGISTRY
)
FALLBACKS = Counter(
    "vitrine_search_fallbacks", "Queries that the database answered because there was no index.", registry=REGISTRY
)
UNCOUNTED_SEARCHES = Counter(
    "vitrine_searches_uncounted", "Searches left out of what people look for: too many texts.", registry=REGISTRY
)
CACHE = Counter("vitrine_cache_lookups", "Keys looked up in the cache: hit or miss.", ["result"], registry=REGISTRY)
KEPT_LOOKUPS = Counter(
    "vitrine_kept_lookups",
    "Values and answers of the catalogue looked up in the memory of a process: hit or miss.",
    ["store", "result"],
    registry=REGISTRY,
)
KEPT_BYTES = prometheus_client.Gauge(
    "vitrine_kept_bytes",
    "Memory that they take, of all processes together.",
    ["store"],
    registry=REGISTRY,
    multiprocess_mode="sum",
)
KEPT_VALUES = prometheus_client.Gauge(
    "vitrine_kept_values",
    "How many they are, of all processes together.",
    ["store"],
    registry=REGISTRY,
    multiprocess_mode="sum",
)
TASKS = Histogram(
    "vitrine_task_seconds", "Celery tasks, in the worker.", ["task", "state"], buckets=SLOW, registry=REGISTRY
)

# Clients choose the names of their operations, so only this many in each process get a series. The rest share one.
MAX_NAMES = 100
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,63}", re.ASCII)
_names: set[str] = set()

Readings = float | Mapping[str, float]
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Gauge:
    """A metric that is looked up at each scrape: a number, or numbers by the value of one label."""

    name: str
    help: str
    read: Callable[[], Readings]
    label: str | None = None


_gauges: dict[str, Gauge] = {}


def register_gauge(name: str, help: str, read: Callable[[], Readings], *, label: str | None = None) -> None:
    """Adds `vitrine_<name>` to /metrics; call it in an app's `ready()`.

    `read` runs at each scrape, so it must be cheap, such as one indexed query. It returns a number, or with `label` a
    mapping of the label's values to numbers. When it raises, the metric is missing and `vitrine_gauge_failed` names it.
    """
    _gauges[name] = Gauge(name, help, read, label)


def operation_label(name: str | None) -> str:
    """The operation's name as a label. Limits the length and the number of names."""
    if not name:
        return "anonymous"
    if name in _names:
        return name
    if len(_names) >= MAX_NAMES or not _NAME.fullmatch(name):
        return "other"
    _names.add(name)
    return name


# Looking up a series by its labels costs more than counting in it. Methods, routes, statuses and names are few.
_request_series = lru_cache(maxsize=1_000)(REQUESTS.labels)
_queries_series = lru_cache(maxsize=1_000)(QUERIES.labels)
_operation_series = lru_cache(maxsize=1_000)(OPERATIONS.labels)


def observe_request(method: str, route: str, status: int, seconds: float, queries: int) -> None:
    """Counts a request."""
    _request_series(method, route, str(status)).observe(seconds)
    _queries_series(route).observe(queries)


def observe_operation(facts: Mapping[str, Any], status: int, seconds: float) -> None:
    """Counts a GraphQL operation by the facts that the view noted: operation, operation_type, errors."""
    outcome = "errors" if facts.get("errors") else "ok" if status < 400 else "refused"
    _operation_series(operation_label(facts.get("operation")), facts["operation_type"], outcome).observe(seconds)


def timed_search(engine: str, operation: str) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Decorates a search engine's methods: counts and times each call."""

    @cache
    def searches() -> Histogram:
        return SEARCHES.labels(engine, operation)

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        @wraps(function)
        def measured(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            started = perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                searches().observe(perf_counter() - started)

        return measured

    return decorate


class Gauges:
    """A prometheus_client collector that looks up the registered gauges."""

    def collect(self) -> list[GaugeMetricFamily]:
        """A family for each gauge that was read, and one that names those that failed."""
        families = []
        failed = GaugeMetricFamily("vitrine_gauge_failed", "Metrics that could not be looked up.", labels=["gauge"])
        for gauge in list(_gauges.values()):
            labels = [gauge.label] if gauge.label else []
            family = GaugeMetricFamily(f"vitrine_{gauge.name}", gauge.help, labels=labels)
            try:
                readings = gauge.read()
                for value, number in readings.items() if isinstance(readings, Mapping) else [(None, readings)]:
                    family.add_metric([str(value)] if gauge.label else [], float(number))
            except Exception as error:
                # What the gauge reads is down. The other metrics must still be served.
                logger.warning("a gauge could not be read", gauge=gauge.name, error=str(error))
                failed.add_metric([gauge.name], 1)
                continue
            families.append(family)
        return [*families, failed]
