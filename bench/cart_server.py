"""A shop to put load on: a new database, gunicorn, users with tokens, HTTP clients.

For bench/cart.py, bench/cart_races.py and bench.staleness. DATABASE_URL names the database server; the database is bench_<name>, which is
dropped at the end. Without it the database is SQLite in a temporary folder.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Shop:
    """Where it is, the tokens of its users and the global ids of its products."""

    port: int
    vendor: str
    tokens: list[str]
    products: list[str]


class Client:
    """One connection that stays open and speaks GraphQL as one user."""

    def __init__(self, shop: Shop, user: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=120)
        self.headers = {"Authorization": f"Bearer {shop.tokens[user]}", "Content-Type": "application/json"}

    def send(self, query: str, **variables: Any) -> dict[str, Any]:
        """The `data` of the answer. Raises AssertionError for a status that is not 200 and for top-level errors."""
        body = json.dumps({"query": query, "variables": variables})
        self.connection.request("POST", "/graphql/", body, self.headers)
        response = self.connection.getresponse()
        text = response.read()
        if response.status != 200:
            raise AssertionError(f"status {response.status}: {text[:300]!r}")
        answer = json.loads(text)
        if "errors" in answer:
            raise AssertionError(f"top-level errors: {answer['errors']}")
        return answer["data"]


@contextmanager
def shop(
    *, workers: int, threads: int, users: int, products: int, stock: int = 1_000_000, **environment: str
) -> Iterator[Shop]:
    """The shop, open for as long as the context lasts; asked to end by SIGTERM, it cleans up too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder:
        url = os.environ.get("DATABASE_URL", "")
        if url.startswith("mysql:"):
            url = urlsplit(url)._replace(path=f"/bench_{urlsplit(url).path.strip('/')}").geturl()
        else:
            url = f"sqlite:///{folder}/db.sqlite3"
        secrets = {"DEBUG": "0", "SECRET_KEY": "b" * 32, "JWT_SECRET_KEY": "b" * 32, "INSECURE_HTTP": "1"}
        secrets |= {"SITE_URL": "https://shop.example", "EMAIL_URL": "smtp://127.0.0.1"}
        places = {"VAR_DIR": folder, "ALLOWED_HOSTS": "127.0.0.1", "DATABASE_URL": url}
        os.environ.update(secrets, **places, **environment)
        os.environ.update(DJANGO_SETTINGS_MODULE="core.settings", LOG_LEVEL="WARNING")
        import django

        django.setup()
        from django.db import connection, connections

        create_database()
        try:
            tokens, ids = fill(users, products, stock)
            connections.close_all()
            with gunicorn(workers, threads) as port:
                yield Shop(port, connection.display_name, tokens, ids)
        finally:
            drop_database()


def create_database() -> None:
    """An empty database with all tables."""
    from django.core.management import call_command
    from django.db import connection

    if connection.vendor == "mysql":
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    call_command("migrate", verbosity=0)


def drop_database() -> None:
    """Leaves nothing behind; SQLite's file goes with its folder."""
    from django.db import connection, connections

    connections.close_all()
    if connection.vendor == "mysql":
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(connection.settings_dict['NAME'])}")


def fill(users: int, products: int, stock: int) -> tuple[list[str], list[str]]:
    """Makes users and products; the users' tokens and the products' global ids."""
    from datetime import timedelta

    from django.contrib.auth import get_user_model
    from graphql_jwt.settings import jwt_settings
    from graphql_relay import to_global_id

    from catalog.models import Brand, Category, Product
    from core.auth import tokens

    place = {
        "category": Category.objects.create(name="Bench", slug="bench"),
        "brand": Brand.objects.create(name="Bench", slug="bench"),
    }
    rows = [
        Product.objects.create(name=f"P{n}", slug=f"p{n}", price=n + 1, quantity=stock, **place)
        for n in range(products)
    ]
    people = [get_user_model().objects.create_user(f"u{n}@example.com") for n in range(users)]
    jwt_settings.JWT_EXPIRATION_DELTA = timedelta(hours=2)
    return [tokens.issue(user).token for user in people], [to_global_id("Product", product.pk) for product in rows]


@contextmanager
def gunicorn(workers: int, threads: int) -> Iterator[int]:
    """The service on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--workers", str(workers), "--threads", str(threads), "--keep-alive", "120", "--no-control-socket"]
    command = [
        str(Path(sys.executable).parent / "gunicorn"),
        "core.wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        "--log-level",
        "warning",
        *options,
    ]
    server = subprocess.Popen(command, cwd=ROOT)
    try:
        for _ in range(600):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    break
            except OSError:
                time.sleep(0.1)
        else:
            raise SystemExit("gunicorn did not start.")
        yield port
    finally:
        server.terminate()
        server.wait(30)
