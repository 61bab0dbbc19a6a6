"""The injected faults. Each is one small function that breaks something and mends it again."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

OUTAGE = 5.0


@dataclass
class System:
    """The composed system under test."""

    compose: list[str]

    def run(self, *arguments: str, check: bool = True) -> str:
        """Runs a compose command."""
        done = subprocess.run([*self.compose, *arguments], capture_output=True, text=True, timeout=300)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def inside(self, service: str, script: str, *options: str) -> str:
        """Runs a shell script in a service's container. Raises RuntimeError when it fails."""
        return self.run("exec", "-T", *options, service, "sh", "-c", script)

    def kill(self, service: str, seconds: float = OUTAGE) -> None:
        """SIGKILL, a while of nothing, started again."""
        self.run("kill", service)
        time.sleep(seconds)
        self.run("start", service)


def web_process(system: System) -> None:
    """One gunicorn worker is killed; the others and the next one serve."""
    # tini's child is gunicorn, whose first child is the oldest worker.
    children = "set -- $(cat /proc/$1/task/$1/children)"
    system.inside("web", f"set -- 1; {children}; {children}; kill -9 $1")
    time.sleep(OUTAGE)


def web_stopped(system: System) -> None:
    """One of two web containers is stopped as a rollout does, and started again: nobody should notice."""
    container = system.run("ps", "--quiet", "web").split()[0]
    subprocess.run(["docker", "stop", container], check=True, capture_output=True)
    time.sleep(2)
    subprocess.run(["docker", "start", container], check=True, capture_output=True)


def web_killed(system: System) -> None:
    """One of two web containers is gone from one moment to the next."""
    container = system.run("ps", "--quiet", "web").split()[0]
    subprocess.run(["docker", "kill", container], check=True, capture_output=True)
    time.sleep(OUTAGE)
    subprocess.run(["docker", "start", container], check=True, capture_output=True)


def worker(system: System) -> None:
    """The worker of index and mail."""
    system.kill("worker")


def images(system: System) -> None:
    """The worker of images."""
    system.kill("images")


def beat(system: System) -> None:
    """Beat."""
    system.kill("beat")


def redis(system: System) -> None:
    """Broker and cache."""
    system.kill("redis")


def mysql(system: System) -> None:
    """The database, without a word."""
    system.kill("mysql")


def mysql_restarted(system: System) -> None:
    """The database, as an upgrade does."""
    system.run("restart", "mysql")


def nginx(system: System) -> None:
    """The proxy in front of everything is killed."""
    system.kill("nginx", 2)


def index_gone(system: System) -> None:
    """The search index' folder is emptied."""
    system.inside("worker", "find /var/lib/vitrine/index -mindepth 1 -delete")
    time.sleep(OUTAGE)


def media_full(system: System) -> None:
    """No byte more fits into media and originals (in memory and small for this; see compose.yaml beside)."""
    folders = "/var/lib/vitrine/media /var/lib/vitrine/originals"
    # dd must end with "no space left"; the kilobytes after that find the last page.
    fill = "dd if=/dev/zero of=$f/.filler bs=64k && exit 1; dd if=/dev/zero of=$f/.more bs=4k && exit 1"
    system.inside("images", f"for f in {folders}; do {fill}; done; exit 0")
    time.sleep(2 * OUTAGE)
    system.inside("images", f"for f in {folders}; do rm -f $f/.filler $f/.more; done")


# Those marked True must go unnoticed: a request without an answer is a failure of the run.
FAULTS: list[tuple[Callable[[System], None], bool]] = [
    (web_process, False),
    (web_stopped, True),
    (web_killed, False),
    (worker, True),
    (images, True),
    (beat, True),
    (redis, False),
    (mysql, False),
    (mysql_restarted, False),
    (nginx, False),
    (index_gone, True),
    (media_full, False),
]
