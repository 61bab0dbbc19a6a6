"""Measures what a request costs besides its own work, in process and over HTTP, and where that time goes.

    .venv/bin/python -m bench.floor [--limits] [--quick] [--only process,http]        SQLite, or DATABASE_URL=mysql://…

In process: microseconds of processor time of a call of the WSGI handler, the median of many short runs in turns. The
second table is of samples of the stack, one for each millisecond of processor time: a layer has the samples whose
innermost frame is in it, or was called by it. Over HTTP: one gunicorn process with one thread, two connections that
stay open. `--limits` counts budgets, in the cache that CACHE_URL names, as production does. On MySQL the database is
bench_graphql_…, created and dropped.
"""

import argparse
import io
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from statistics import median
from types import FrameType
from typing import Any

from bench.graphql.client import load
from bench.graphql.documents import PAGE, SORTED
from bench.graphql.shop import Shop, environment_for, opened
from bench.graphql.variants import ROOT, serving, vitrine

_PAGE = PAGE.replace(" FILTER ORDER", SORTED).replace(", $min: Decimal!, $max: Decimal!", "")
PRODUCTS = 10_000
# Request → method, path, GraphQL document and whether a token is sent.
REQUESTS: dict[str, tuple[str, str, str | None, bool]] = {
    "{__typename}, no token": ("POST", "/graphql/", "{__typename}", False),
    "{__typename}, token": ("POST", "/graphql/", "{__typename}", True),
    "a page of 20, repeated": ("POST", "/graphql/", _PAGE, True),
    "REST: no such path": ("GET", "/api/v1/nothing/", None, False),
    "/healthz": ("GET", "/healthz", None, False),
}
# Layer → what its files' paths contain. The first that matches counts, from the innermost frame outwards.
LAYERS = {
    "database driver and server": ("MySQLdb/", "backends/mysql/base.py", "backends/sqlite3/base.py"),
    "cache": ("core/caching/", "redis/", "django/core/cache/"),
    "metrics": ("prometheus_client/", "core/telemetry/metrics.py"),
    "log line": ("structlog/", "logging/__init__.py", "core/telemetry/logs.py"),
    "recording": ("core/telemetry/",),
    "token": ("jwt/", "core/auth/", "graphql_jwt/"),
    "prepared statements, cursors": ("core/db/", "django/db/"),
    "budget": ("core/throttling/",),
    "CORS": ("corsheaders/",),
    "static files": ("whitenoise/",),
    "Django's middleware for pages": (
        *("contrib/sessions/", "contrib/messages/", "contrib/auth/", "middleware/csrf.py", "middleware/common.py"),
        *("middleware/clickjacking.py", "core/history/ambient.py"),
    ),
    "security headers": ("middleware/security.py", "core/http/security.py"),
    "other middleware of core.http": ("core/http/",),
    "executing": ("core/execution/", "graphql/"),
    "URLs": ("django/urls/",),
    "signals": ("django/dispatch/", "django/core/signals.py"),
    "request and response": ("django/http/", "core/patches/django.py", "django/utils/"),
    "handler": ("django/core/handlers/", "core/http/handler.py"),
}


def environ(name: str, token: str) -> tuple[dict[str, Any], bytes]:
    """The WSGI environment that gunicorn would make of the request, and its body."""
    method, path, document, signed_in = REQUESTS[name]
    variables = {"first": 20} if document and "$first" in document else {}
    body = json.dumps({"query": document, "variables": variables}).encode() if document else b""
    values: dict[str, Any] = {
        **{"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "SCRIPT_NAME": "", "RAW_URI": path},
        **{"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "127.0.0.1"},
        **{"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "5000", "HTTP_ACCEPT": "*/*", "wsgi.url_scheme": "http"},
        **{"wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False},
    }
    if body:
        values |= {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
    if signed_in:
        values["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return values, body


def caller(name: str, token: str) -> Callable[[int], None]:
    """A function that sends the request so many times, as gunicorn calls the application."""
    from core.wsgi import application

    values, body = environ(name, token)
    statuses: list[str] = []

    def start_response(status: str, headers: Any, *_: Any) -> None:
        statuses.append(status)

    def call(times: int) -> None:
        statuses.clear()
        for _ in range(times):
            response: Any = application({**values, "wsgi.input": io.BytesIO(body)}, start_response)
            for _part in response:
                pass
            response.close()
        wanted = "404" if "no such" in name else "200"
        if any(not status.startswith(wanted) for status in statuses):
            sys.exit(f"{name}: {set(statuses)}")

    return call


def measure_in_process(token: str, rounds: int) -> None:
    """Prints microseconds of processor time of each request."""
    calls = {name: caller(name, token) for name in REQUESTS}
    taken: dict[str, list[float]] = {name: [] for name in REQUESTS}
    for call in calls.values():
        call(50)
    times = 100
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.process_time()
            call(times)
            taken[name].append((time.process_time() - started) / times * 1e6)
    print("| request, in process | µs of CPU, median | least |\n|---|---|---|")
    for name, values in taken.items():
        print(f"| {name} | {median(values):.0f} | {min(values):.0f} |")


def layer_of(frame: FrameType | None) -> str:
    """The layer of the innermost frame that has one."""
    while frame is not None:
        path = frame.f_code.co_filename
        for layer, fragments in LAYERS.items():
            if any(fragment in path for fragment in fragments):
                return layer
        frame = frame.f_back
    return "the rest"


@contextmanager
def sampled() -> Iterator[Counter[str]]:
    """Counts the layers of the stack, once for each millisecond of processor time."""
    counts: Counter[str] = Counter()
    signal.signal(signal.SIGPROF, lambda _, frame: counts.update([layer_of(frame)]))
    signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
    try:
        yield counts
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def show_layers(token: str, times: int) -> None:
    """Prints where the time of `{__typename}` with a token goes."""
    call = caller("{__typename}, token", token)
    started = time.process_time()
    with sampled() as counts:
        call(times)
    each = (time.process_time() - started) / times * 1e6
    total = sum(counts.values())
    print(f"\n| layer, of {{__typename}} with a token | µs of {each:.0f} | % |\n|---|---|---|")
    for layer, count in counts.most_common():
        print(f"| {layer} | {each * count / total:.0f} | {100 * count / total:.0f} |")


def measure_http(token: str, seconds: float, rounds: int) -> None:
    """Prints requests a second over two kept connections, and the server's processor time for one."""
    variant = vitrine("one thread")
    print("\n| request, over HTTP | requests/s | µs of CPU |\n|---|---|---|")
    with serving(variant):
        for name in REQUESTS:
            values, body = environ(name, token)
            lines = [f"{values['REQUEST_METHOD']} {values['PATH_INFO']} HTTP/1.1", "Host: 127.0.0.1", "Accept: */*"]
            lines += [f"Content-Type: application/json\r\nContent-Length: {len(body)}"] if body else []
            lines += [f"Authorization: {values['HTTP_AUTHORIZATION']}"] if "HTTP_AUTHORIZATION" in values else []
            if "no such" in name:
                continue
            asked = repeat("\r\n".join([*lines, "", ""]).encode() + body)
            load(variant.port, asked, seconds / 4)
            rates, costs = [], []
            for _ in range(rounds):
                before, started = variant.cpu(), time.perf_counter()
                count = len(load(variant.port, asked, seconds))
                rates.append(count / (time.perf_counter() - started))
                costs.append((variant.cpu() - before) * 1e6 / count)
            print(f"| {name} | {median(rates):.0f} | {median(costs):.0f} |")


def main() -> None:
    """Prepares, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limits", action="store_true", help="count budgets in the cache")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="process,http")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder:
        rate = "1000000000/m" if options.limits else "off"
        limits = {"RATE_LIMIT_COST_USER": rate, "RATE_LIMIT_COST_ADDRESS": rate}
        os.environ.update(environment_for(folder) | limits, PYTHONPATH=str(ROOT))
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(dir=folder))
        with opened(PRODUCTS) as shop:
            run(shop, options)


def run(shop: Shop, options: argparse.Namespace) -> None:
    """Measures and prints."""
    print(f"{shop.vendor}\n")
    token = shop.token
    if "process" in options.only:
        measure_in_process(token, 5 if options.quick else 25)
        show_layers(token, 2_000 if options.quick else 10_000)
    if "http" in options.only:
        measure_http(token, 1 if options.quick else 3, 2 if options.quick else 5)


if __name__ == "__main__":
    main()
