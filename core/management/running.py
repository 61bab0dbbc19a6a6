"""Lets `manage.py` in a second terminal find the shop that `make run` runs.

Each `make run` writes the variables of its environment to a file under var/run/, and holds a lock on the file until it
ends; a file without a lock is left over and ignored. `manage.py` reads them as defaults for its own environment. Where
that names another database, folder or key, the file is not used at all, so that settings of two shops do not mix. This
module uses the standard library only, because it runs before Django reads its settings.
"""

import fcntl
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# In the checkout and not in VAR_DIR, because the second terminal knows only the checkout.
FOLDER = BASE_DIR / "var" / "run"
# The variables that distinguish shops.
IDENTITY = ("VAR_DIR", "DATABASE_URL", "SECRET_KEY")
# Commands that start a shop of their own, or need none.
INDEPENDENT_COMMANDS = {"serve", "runserver", "test", "testserver", "help", "startapp", "startproject"}


def write(variables: Mapping[str, str]) -> int | None:
    """Writes the variables for as long as this process lives. Only its user can read the file: it may hold passwords.

    Returns the file descriptor that holds the lock, or None when the file cannot be written: the shop runs without it.
    """
    with suppress(OSError):
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path in FOLDER.glob("*.env"):
            _read(path)
        # It gets its name only when it is locked and complete.
        draft, path = FOLDER / f"{os.getpid()}.draft", FOLDER / f"{os.getpid()}.env"
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()))
        os.write(descriptor, text.encode())
        draft.rename(path)
        return descriptor
    return None


def forget() -> None:
    """Removes this process's file."""
    with suppress(OSError):
        (FOLDER / f"{os.getpid()}.env").unlink()


def _read(path: Path) -> dict[str, str] | None:
    """The variables in the file of a living run. When the run is over, it removes the file and returns None."""
    with suppress(OSError, ValueError), path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return dict(line.split("=", 1) for line in shlex.split(file.read()))
        path.unlink(missing_ok=True)
    return None


def _folder(text: str) -> str:
    return os.path.realpath(text or BASE_DIR / "var")


def _may_be_meant(variables: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    """Whether the environment does not name another shop than the one with these variables."""
    for name in IDENTITY:
        wanted, actual = environment.get(name), variables.get(name, "")
        if wanted is not None and (_folder(wanted) != _folder(actual) if name == "VAR_DIR" else wanted != actual):
            return False
    return True


def find(environment: Mapping[str, str]) -> list[dict[str, str]]:
    """The variables of each running shop that this environment may mean."""
    shops = map(_read, sorted(FOLDER.glob("*.env")))
    return [variables for variables in shops if variables is not None and _may_be_meant(variables, environment)]


def adopt(arguments: Iterable[str]) -> None:
    """Takes the running shop's variables as defaults for this process, a `manage.py` with these arguments.

    Ends the process when several shops may be meant.
    """
    command = next((text for text in arguments if not text.startswith("-")), "help")
    if command in INDEPENDENT_COMMANDS:
        return
    shops = find(os.environ)
    if len(shops) > 1:
        names = " and ".join(shop["VAR_DIR"] for shop in shops)
        sys.exit(f"{command}: {len(shops)} shops run here, in {names}. Which one? Say VAR_DIR=… before the command.")
    for name, value in shops[0].items() if shops else ():
        os.environ.setdefault(name, value)
