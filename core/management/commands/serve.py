"""`manage.py serve`, which `make run` calls: migrates, seeds, and runs the Procfile."""

import os
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection, connections

from core.config import env
from core.http import pages
from core.jobs import heartbeat
from core.management import running
from core.management.supervisor import Supervisor, parse_procfile

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - shown, not bound
GREETING = """
  Vitrine is at {url}/
  {access}

    Storefront {storefront}, once `{make_storefront}` runs in a second terminal
    GraphiQL   {url}/graphql/
    Swagger    {url}/api/docs/
    Admin      {url}/{admin}
{accounts}
  Ctrl-C stops it. All its state is in {var}; `make help` lists what else there is.
"""
ACCOUNTS = """
    Sign in as {shopper} or, for the admin too, {staff}; password: {password}
"""
OPEN = "The catalogue is open{carts}, for a first look. Closed, as in production: make run CATALOG_PUBLIC=0"
CLOSED = "The catalogue wants a token. Open, for a first look: make run CATALOG_PUBLIC=1"
# A worker whose loop has stood still for so long is started again.
HUNG_AFTER_SECONDS = 60
# Hides Celery's warning against running as root: it does not help those who try Vitrine in a container.
NO_ROOT_WARNING = "ignore:You're running the worker with superuser privileges"


def worker_is_alive() -> bool:
    """Whether the worker's loop has turned lately. True until it has turned for the first time."""
    try:
        ages = heartbeat.ages(heartbeat.queue_names())
    finally:
        connections.close_all()
    return all(age is None or age.total_seconds() < HUNG_AFTER_SECONDS for age in ages.values())


# `is_alive` of a part, by its name in the Procfile.
CHECKS: dict[str, Callable[[], bool]] = {"worker": worker_is_alive}


def check_address(host: str, port: int) -> None:
    """Raises CommandError when the port is taken or the host is unknown."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As gunicorn does: connections of an earlier run in TIME_WAIT do not matter.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        raise CommandError(
            f"Cannot listen on {host} port {port}: {error.strerror}. Another: make run PORT=8765"
        ) from error


def create_database() -> None:
    """Creates the database of DATABASE_URL on its server when it does not exist."""
    try:
        connection.ensure_connection()
    except OperationalError as error:
        # 1049: unknown database; SQLite creates its file by itself.
        if error.args[0] != 1049:
            raise
        name = connection.settings_dict["NAME"]
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {connection.ops.quote_name(name)} CHARACTER SET utf8mb4")


def access() -> str:
    """What visitors without an account may do, and the command that changes it."""
    sentence = OPEN if settings.CATALOG_PUBLIC else CLOSED
    return sentence.format(carts=" and carts need no account" if settings.GUEST_CARTS else "")


def shop_variables(site_url: str) -> dict[str, str]:
    """The environment variables that define this shop, for its parts and for commands in other terminals."""
    variables = {name: os.environ[name] for name in env.NAMES if os.environ.get(name)}
    return {**variables, "VAR_DIR": str(settings.VAR_DIR), "SITE_URL": os.environ.get("SITE_URL") or site_url}


def run_procfile(host: str, port: int, variables: dict[str, str], greeting: str) -> int:
    """Runs web and worker until web ends or a signal stops both. Leaves no process behind. Returns the exit status."""
    programs, warnings = Path(sys.executable).parent, os.environ.get("PYTHONWARNINGS")
    environment = {
        **os.environ,
        **variables,
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
        "HOST": f"[{host}]" if ":" in host else host,
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": f"{warnings},{NO_ROOT_WARNING}" if warnings else NO_ROOT_WARNING,
    }

    def is_listening() -> bool:
        try:
            socket.create_connection((ANY_ADDRESS.get(host, host), port), timeout=1).close()
        except OSError:
            return False
        return True

    parts = parse_procfile(settings.BASE_DIR / "Procfile")
    for part in parts:
        part.is_alive = CHECKS.get(part.name)
    supervisor = Supervisor(
        parts=parts,
        essential="web",
        environment=environment,
        folder=settings.BASE_DIR,
        is_ready=is_listening,
        greeting=greeting,
    )
    return supervisor.run()


class Command(BaseCommand):
    help = "Migrates, seeds an empty catalogue, then runs web and worker together (Procfile) until Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = env.text("HOST", "127.0.0.1"), env.integer("PORT", 8000, minimum=1, maximum=65535)
        # gunicorn reads it too, and answers a wrong one with a traceback.
        env.integer("WEB_CONCURRENCY", 2, minimum=1, maximum=1000)
        check_address(host, port)
        create_database()
        self.stdout.write("Migrating the database")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("seed_demo", "--if-empty")
        if settings.SEARCH_ENGINE == "tantivy":
            call_command("rebuild_index", "--if-missing")
        connections.close_all()
        shown = ANY_ADDRESS.get(host, host)
        url = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
        accounts = pages.shown_accounts()
        greeting = GREETING.format(
            url=url,
            access=access(),
            storefront=settings.STOREFRONT_URL,
            make_storefront=pages.make_storefront(url),
            admin=settings.ADMIN_PATH,
            var=settings.VAR_DIR,
            accounts=ACCOUNTS.format(**asdict(accounts)) if accounts else "",
        )
        self.stdout.flush()
        variables = shop_variables(url)
        lock = running.write(variables)
        try:
            status = run_procfile(host, port, variables, greeting)
        finally:
            if lock is not None:
                running.forget()
        sys.exit(status)
