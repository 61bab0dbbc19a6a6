"""Registers many accounts through REST while workers are killed, and counts the mails that an SMTP server received.

    python -m bench.mail_chaos --kills 8 --database mysql://root@127.0.0.1      (default: SQLite in a temporary folder)

Runs gunicorn, two workers with a beat each, a Redis of its own (with --kills it is restarted and emptied once) and an
SMTP server. Prints one table. Exit status 1 when an address received two mails, or none without being listed.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
# Seconds after the last registration until all mails must have gone out.
PATIENCE = 60


def start(*command: str | Path) -> subprocess.Popen[bytes]:
    """A process with a group of its own, so that what it forks dies with it."""
    return subprocess.Popen(
        [str(part) for part in command], cwd=ROOT, start_new_session=True, stdout=sys.stderr, stderr=sys.stderr
    )


def kill(process: subprocess.Popen[bytes], how: int = signal.SIGKILL) -> None:
    """Ends a process and what it forked."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, how)
    process.wait()


def worker(n: int, folder: Path) -> subprocess.Popen[bytes]:
    """A Celery worker with beat, as in the Procfile."""
    options = ["--pool", "threads", "--concurrency", "2", "--without-gossip", "--without-mingle"]
    schedule: list[str | Path] = ["-B", "--schedule", folder / f"beat-{n}-{time.monotonic_ns()}"]
    return start(
        TOOLS / "celery", "--quiet", "-A", "core", "worker", *schedule, *options, "-n", f"w{n}@%h", "-l", "WARNING"
    )


def redis(port: int) -> subprocess.Popen[bytes]:
    """An empty Redis."""
    return start("redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no")


def post(url: str, body: str) -> int:
    """The status that a JSON body is answered with."""
    request = Request(url, body.encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as response:
        return response.status


def await_web(url: str) -> None:
    """Returns when the web server answers."""
    for _ in range(150):
        try:
            urlopen(f"{url}/healthz", timeout=1).close()
            return
        except (URLError, OSError):
            time.sleep(0.2)
    sys.exit("The web server did not start.")


def run(options: argparse.Namespace, folder: Path, server: Any, ports: dict[str, int]) -> int:
    """Registers, kills, waits until nothing is left to do, prints; the exit status."""
    from users.models import OutgoingMail

    url = f"http://127.0.0.1:{ports['web']}"
    broker = redis(ports["redis"])
    workers = [worker(n, folder) for n in range(options.workers)]
    web = start(
        TOOLS / "gunicorn", "core.wsgi", "--bind", f"127.0.0.1:{ports['web']}", "--threads", "4", "--no-control-socket"
    )
    chance = random.Random(options.seed)
    unfinished = OutgoingMail.objects.filter(status__in=["DUE", "CLAIMED", "HANDING_OVER"])
    killed, registered = 0, 0.0
    try:
        await_web(url)
        began = time.monotonic()

        def register(n: int) -> int:
            body = f'{{"email": "chaos{n}@example.com", "password": "correct-horse-7", "first_name": "N{n}"}}'
            return post(f"{url}/api/v1/auth/register/", body)

        pool = ThreadPoolExecutor(4)
        registrations = [pool.submit(register, n) for n in range(options.registrations)]
        next_kill = began
        while not registered or time.monotonic() - began < registered + PATIENCE:
            time.sleep(0.05)
            if all(one.done() for one in registrations):
                registered = registered or time.monotonic() - began
                if not unfinished.exists():
                    break
            if killed < options.kills and server.mails and time.monotonic() >= next_kill:
                victim = chance.randrange(options.workers)
                kill(workers[victim])
                killed += 1
                if killed == options.kills // 2 + 1:
                    kill(broker)
                    time.sleep(2)
                    broker = redis(ports["redis"])
                workers[victim] = worker(victim, folder)
                next_kill = time.monotonic() + chance.uniform(*options.every)
        took = time.monotonic() - began
        answers = Counter(one.result() for one in registrations)
    finally:
        for process in (web, *workers, broker):
            kill(process)
    got = Counter(server.recipients)
    states = Counter(OutgoingMail.objects.values_list("status", flat=True))
    listed = set(OutgoingMail.objects.filter(status="UNCERTAIN").values_list("user__email", flat=True))
    twice = sorted(address for address, times in got.items() if times > 1)
    missing = {f"chaos{n}@example.com" for n in range(options.registrations)} - got.keys() - listed
    print(f"registrations          {dict(answers)} in {registered:.1f} s")
    print(f"workers killed         {killed}{', Redis restarted empty once' if options.kills else ''}")
    print(f"mails at the server    {len(server.mails)} in {took:.1f} s since the first registration")
    print(f"states                 {dict(states)}")
    print(f"uncertain              {len(listed)}, of which the server has {len(listed & got.keys())}")
    print(f"recipients twice       {len(twice)} {twice[:5]}")
    print(f"missing and not listed {len(missing)} {sorted(missing)[:5]}")
    wrong = twice or missing or len(listed) > killed or answers != {201: options.registrations}
    return 1 if wrong or unfinished.exists() else 0


def main() -> int:
    """Makes the scratch database and the environment, runs, takes all away again."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--database", default="", help="mysql://user@host[:port], without a name")
    parser.add_argument("--registrations", type=int, default=200)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--every", type=float, nargs=2, default=(1.5, 5.0), help="seconds between kills, from and to")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rate", default="10")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    from users.tests.smtp import Server, free_port

    server = Server()
    # Servers take their time, and that is when workers are killed.
    server.watch = lambda command: time.sleep(0.02)
    server.controller.start()
    folder = Path(tempfile.mkdtemp(prefix="vitrine-chaos-"))
    ports = {"web": free_port(), "redis": free_port()}
    name = f"vitrine_chaos_{os.getpid()}"
    for variable in [v for v in os.environ if v.startswith(("THROTTLE_", "MAIL_", "EMAIL_", "JWT_"))]:
        del os.environ[variable]
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "core.settings",
        "DEBUG": "1",
        "VAR_DIR": str(folder),
        "DATABASE_URL": f"{options.database.rstrip('/')}/{name}" if options.database else "",
        "CELERY_BROKER_URL": f"redis://127.0.0.1:{ports['redis']}/0",
        "CACHE_URL": f"redis://127.0.0.1:{ports['redis']}/1",
        "EMAIL_URL": f"smtp://127.0.0.1:{server.port}",
        "WELCOME_EMAIL_DELAY": "5",
        "MAIL_SWEEP_SECONDS": "1",
        "MAIL_RATE": options.rate,
        "THROTTLE_REGISTER": "off",
        "MAX_PASSWORD_HASHES": "4",
        "LOG_LEVEL": "WARNING",
    }
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    from core.management.commands.serve import create_database

    create_database()
    try:
        call_command("migrate", verbosity=0)
        return run(options, folder, server, ports)
    finally:
        server.controller.stop()
        if options.database:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {connection.ops.quote_name(name)}")
        connection.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
