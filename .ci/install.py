"""Installs a pinned set of requirements/ into .venv/: `python3 .ci/install.py base`; at once when it is there.

Standard library only: it runs before anything is installed.
"""

import fcntl
import filecmp
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

PINNED = Path(__file__).resolve().parent.parent / "requirements"
VENV = PINNED.parent / ".venv"
PYTHON = VENV / "bin" / "python"
# Copies of the sets that were installed whole.
STAMPS = VENV / "installed"


def works() -> bool:
    """Whether .venv/ has a Python that runs: an upgrade of the system's may have taken its base away."""
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", "import pip"], capture_output=True).returncode == 0


def is_installed(name: str) -> bool:
    """Whether .venv/ holds exactly what the set says now; every set is `base` and something more."""
    return all(
        (STAMPS / file).exists() and filecmp.cmp(STAMPS / file, PINNED / file, shallow=False)
        for file in ("base.txt", f"{name}.txt")
    )


def lacks_for_mysql() -> list[str]:
    """What this machine lacks to build the MySQL driver, which has no Linux wheel."""
    lacks = [] if shutil.which("cc") or shutil.which("gcc") else ["a C compiler"]
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        lacks.append("Python.h")
    if not shutil.which("pkg-config"):
        return [*lacks, "pkg-config"]
    libraries = ("mysqlclient", "mariadb", "libmariadb", "perconaserverclient")
    if all(subprocess.run(["pkg-config", "--exists", library]).returncode for library in libraries):
        lacks.append("the headers of libmariadb")
    return lacks


def run_pip(requirements: Path) -> int:
    """Installs the pinned requirements and tells how far it is; returns pip's exit status. pip tells of its own errors.

    On a terminal one line changes; elsewhere there is a line every 5 seconds.
    """
    lines = requirements.read_text().splitlines()
    number = sum("==" in line and "win32" not in line for line in lines)
    command = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar",
        "off",
    ]
    command += ["--require-hashes", "-r", str(requirements)]
    start, end = ("\r\033[K", "") if sys.stdout.isatty() else ("", "\n")
    step = "starting"

    def follow(output: IO[str]) -> None:
        nonlocal step
        collected = 0
        for line in output:
            if line.startswith("Collecting "):
                collected += 1
                step = f"package {min(collected, number)} of {number}"
            elif line.startswith("Installing "):
                step = f"unpacking {number} packages"

    began = time.monotonic()
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as pip:
        threading.Thread(target=follow, args=(pip.stdout,), daemon=True).start()
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    return pip.wait(0.2 if start else 5)
                print(f"{start}  {step}, {time.monotonic() - began:.0f} s", end=end, flush=True)
        except BaseException:
            pip.terminate()
            raise
        finally:
            print(start, end="", flush=True)


def install(name: str) -> None:
    """Makes .venv/ when it is missing or broken and installs the set into it. Exits with what to do when it cannot."""
    if not works():
        print("Making a virtual environment in .venv/", flush=True)
        if subprocess.run([sys.executable, "-m", "venv", "--clear", VENV]).returncode:
            sys.exit("No virtual environment; on Debian and Ubuntu: apt-get install python3-venv")
    if name == "production" and "MYSQLCLIENT_CFLAGS" not in os.environ and (lacks := lacks_for_mysql()):
        sys.exit(
            f"The MySQL driver is built here, and this machine lacks {', '.join(lacks)}. On Debian and Ubuntu:\n"
            "  apt-get install gcc pkg-config libmariadb-dev python3-dev"
        )
    if not (STAMPS / "base.txt").exists() or not filecmp.cmp(STAMPS / "base.txt", PINNED / "base.txt", shallow=False):
        shutil.rmtree(STAMPS, ignore_errors=True)
    (STAMPS / f"{name}.txt").unlink(missing_ok=True)
    print(f"Installing requirements/{name}.txt into .venv/ (once, until it changes)", flush=True)
    if run_pip(PINNED / f"{name}.txt"):
        sys.exit(f"requirements/{name}.txt could not be installed: see above.")
    STAMPS.mkdir(exist_ok=True)
    for file in ("base.txt", f"{name}.txt"):
        shutil.copyfile(PINNED / file, STAMPS / file)


def main(names: list[str]) -> None:
    """Installs what is missing of the named sets. Two calls at once run one after the other."""
    # An exception ends pip on its way, so that a SIGTERM leaves nothing behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    fcntl.flock(os.open(PINNED, os.O_RDONLY), fcntl.LOCK_EX)
    for name in names:
        if not (works() and is_installed(name)):
            install(name)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - this runs on whatever python3 is
        sys.exit(
            f"Vitrine needs Python 3.11 or newer, and {sys.executable} is older. Another: make run PYTHON=python3.12"
        )
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
