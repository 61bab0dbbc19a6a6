"""`manage.py serve`, behind `make run`: migrates, seeds, says where all is, runs the Procfile."""

import multiprocessing
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection, connections
from honcho import manager as honcho
from honcho.environ import expand_processes, parse_procfile
from honcho.printer import Message, Printer

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - shown, not bound
PLACES = """
  Vitrine is at {url}

    GraphiQL   {url}/graphql/
    Swagger    {url}/api/docs/
    Admin      {url}/admin/
{accounts}
  Ctrl-C stops it. All its state is in {var}; `make help` lists what else there is.
"""
ACCOUNTS = """
    Sign in as shopper@example.com or, for the admin too, staff@example.com; password: vitrine-demo
"""


def address() -> tuple[str, int]:
    """HOST and PORT of the environment, bindable. Raises CommandError when PORT is no port or taken by another."""
    host = os.environ.get("HOST") or "127.0.0.1"
    text = os.environ.get("PORT") or "8000"
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise CommandError(f"PORT={text} is no port: a number from 1 to 65535.")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, int(text), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As gunicorn does: connections of the last run in TIME_WAIT are no hindrance.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        raise CommandError(
            f"Cannot listen on {host} port {text}: {error.strerror}. Another: make run PORT=8765"
        ) from error
    return host, int(text)


def create_database() -> None:
    """Creates the database that DATABASE_URL names when its server has none of that name. Raises CommandError."""
    try:
        connection.ensure_connection()
    except OperationalError as error:
        # 1049: unknown database; SQLite creates its file by itself.
        if error.args[0] != 1049:
            raise CommandError(f"Cannot reach the database: {error}") from error
        name = connection.settings_dict["NAME"]
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {connection.ops.quote_name(name)} CHARACTER SET utf8mb4")


def mute() -> None:
    """Sends all further output nowhere: writing to a closed terminal or pipe raises."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def hang_up(*_: object) -> None:
    """Signal handler: stops as SIGTERM does, in silence."""
    mute()
    os.kill(os.getpid(), signal.SIGTERM)


class Lines(Printer):
    """honcho's printer; when nobody reads any more (`make run | head`), all stops."""

    def write(self, message: Message) -> None:
        """Prints one line of a part."""
        try:
            super().write(message)
        except OSError:
            hang_up()


class Parts(honcho.Manager):
    """honcho's manager; told to stop before it knows the process ids of all parts, it does so as soon as it does."""

    def terminate(self) -> None:
        """Stops every part, now or after the next alarm."""
        if self._all_started():
            super().terminate()
        else:
            signal.setitimer(signal.ITIMER_REAL, 0.1)


def run_procfile(host: str, port: int) -> int:
    """Runs web and worker until one ends or a signal stops both. Leaves no process behind.

    Returns the exit status: 0 when asked to stop, else that of the one that ended.
    """
    tools = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}",
        "HOST": f"[{host}]" if ":" in host else host,
        "VAR_DIR": str(settings.VAR_DIR),
        "SITE_URL": os.environ.get("SITE_URL") or f"http://{ANY_ADDRESS.get(host, host)}:{port}",
        "PYTHONUNBUFFERED": "1",
    }
    # honcho's own processes are forked, so that they know the handler below.
    multiprocessing.set_start_method("fork", force=True)
    # The worker on the broker of files looks up every two seconds: it needs up to six to stop by itself.
    honcho.KILL_WAIT = 12
    manager = Parts(Lines(sys.stdout))
    # The worker's line ends with `kill 0`: killed hard, it leaves beat behind, whose open output honcho would wait for.
    processes = parse_procfile((settings.BASE_DIR / "Procfile").read_text()).processes
    for process in expand_processes(processes, port=port):
        manager.add_process(process.name, process.cmd, env={**environment, **process.env}, cwd=str(settings.BASE_DIR))
    # honcho knows SIGINT and SIGTERM; a closed terminal says SIGHUP and takes the output away.
    signal.signal(signal.SIGHUP, hang_up)
    signal.signal(signal.SIGALRM, lambda *_: manager.terminate())
    manager.loop()
    asked = manager.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    return 0 if asked else manager.returncode or 1


class Command(BaseCommand):
    """`manage.py serve`: HOST and PORT come from the environment."""

    help = "Migrates, seeds an empty catalogue, then runs web and worker together (Procfile) until Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        """Ends with the exit status of what ran."""
        host, port = address()
        create_database()
        self.stdout.write("Migrating the database")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("seed_demo", "--if-empty")
        if settings.SEARCH_ENGINE == "tantivy":
            call_command("rebuild_index", "--if-missing")
        connections.close_all()
        url = f"http://{ANY_ADDRESS.get(host, f'[{host}]' if ':' in host else host)}:{port}"
        self.stdout.write(PLACES.format(url=url, var=settings.VAR_DIR, accounts=ACCOUNTS if settings.DEBUG else ""))
        self.stdout.flush()
        sys.exit(run_procfile(host, port))
