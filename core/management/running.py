"""How `manage.py` in a second terminal finds the shop that `make run` runs: by the variables that it was started with.

Each `make run` writes them to a file under var/run/ and holds a lock on it until it ends. A file without a lock is of a
run that is over, and means nothing. What the environment of the second terminal says wins; where it names another
database, folder or key than the run's, the file is left alone altogether: half of one shop and half of another would
be neither. Standard library only: it is asked before Django reads its settings.
"""

import fcntl
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# In the checkout, wherever VAR_DIR is: the second terminal knows no more than the checkout.
FOLDER = BASE_DIR / "var" / "run"
# Which shop it is.
IDENTITY = ("VAR_DIR", "DATABASE_URL", "SECRET_KEY")
# Commands that begin a shop of their own, or know none.
EXCEPT = {"serve", "runserver", "test", "testserver", "help", "startapp", "startproject"}


def write(variables: Mapping[str, str]) -> int | None:
    """Writes the variables for as long as this process lives: readable by its user only, as there may be passwords.

    Returns the file descriptor that holds the lock; None when it cannot be written, which is no reason not to run.
    """
    with suppress(OSError):
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path in FOLDER.glob("*.env"):
            _read(path)
        # Under its name only when it is locked and whole.
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
    """A file's variables while its run lives; None, and the file is removed, when it does not."""
    with suppress(OSError, ValueError), path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return dict(line.split("=", 1) for line in shlex.split(file.read()))
        path.unlink(missing_ok=True)
    return None


def _folder(text: str) -> str:
    return os.path.realpath(text or BASE_DIR / "var")


def _is_meant(variables: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    """Whether the environment names no other shop than the one with these variables."""
    for name in IDENTITY:
        named, runs = environment.get(name), variables.get(name, "")
        if named is not None and (_folder(named) != _folder(runs) if name == "VAR_DIR" else named != runs):
            return False
    return True


def find(environment: Mapping[str, str]) -> list[dict[str, str]]:
    """The variables of each shop that runs and that this environment may mean."""
    found = map(_read, sorted(FOLDER.glob("*.env")))
    return [variables for variables in found if variables is not None and _is_meant(variables, environment)]


def adopt(arguments: Iterable[str]) -> None:
    """Completes this process's environment with that of the shop that runs, for `manage.py` with these arguments.

    Several shops that may be meant end the command: it would be a guess.
    """
    command = next((text for text in arguments if not text.startswith("-")), "help")
    if command in EXCEPT:
        return
    shops = find(os.environ)
    if len(shops) > 1:
        names = " and ".join(shop["VAR_DIR"] for shop in shops)
        sys.exit(f"{command}: {len(shops)} shops run here, in {names}. Which one? Say VAR_DIR=… before the command.")
    for name, value in shops[0].items() if shops else ():
        os.environ.setdefault(name, value)
