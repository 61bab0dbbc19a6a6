"""The embedded broker: a kombu transport whose messages are files in VAR_DIR/broker, one folder for each queue.

A message only says that there is work, so equal messages are kept once: a file is named after the task and its
arguments, and a newer message replaces an older one. A file appears whole or not at all. A file that cannot be read is
discarded with a line in the log; a sweep finds the work that it announced.

kombu's own filesystem transport does not serve: a half-written or empty file ends its worker (celery/kombu#1551).
"""

import hashlib
import json
import logging
import os
import re
import tempfile
import time
from collections import defaultdict, deque
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty
from typing import Any
from urllib.parse import quote

from kombu.transport import virtual

from core.patches.kombu import DiscardsBroken

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 2**20
# A temporary file that is older than this was left by a process that was killed.
ABANDONED_SECONDS = 60
SUFFIX = ".json"


class BrokenMessage(Exception):
    """A file does not contain a message."""


class Channel(virtual.Channel):
    """Messages in files. A writer renames a whole file into place; the reader that unlinks it has the message."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # By queue: the file names of its folder when that was last listed, the oldest first.
        self._listed: dict[str, deque[str]] = defaultdict(deque)
        # Files that could not be removed. Each is logged once.
        self._undeletable: set[Path] = set()

    def _folder(self, queue: str) -> Path:
        options: Any = self.connection.client.transport_options  # type: ignore[union-attr]
        return Path(options["folder"]) / quote(queue, safe="")

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        """Writes the message. Raises OSError when the disk is full or not writable."""
        folder = self._folder(queue)
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(suffix=".tmp", dir=folder)
        try:
            with open(descriptor, "wb") as file:
                file.write(json.dumps(message).encode())
            os.replace(temporary, folder / _file_name(message))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        """The oldest message that has not expired. Raises Empty."""
        folder, names = self._folder(queue), self._listed[queue]
        if not names:
            names.extend(_names(folder))
        while names:
            payload = self._take(folder / names.popleft())
            if payload is not None and not _has_expired(payload):
                return payload
        raise Empty

    def _take(self, path: Path) -> dict[str, Any] | None:
        """Removes the file and returns its message; None when another reader was first or the file is broken.

        A newer message may replace the file between reading and unlinking. It says the same, and the work begins after
        it was sent, so nothing is lost.
        """
        payload, broken = None, None
        try:
            payload = _read(path)
        except FileNotFoundError:
            return None
        except (OSError, BrokenMessage) as error:
            broken = error
        try:
            path.unlink()
        except FileNotFoundError:
            return None
        except OSError as error:
            # If it were delivered, it would be delivered again and again.
            if path not in self._undeletable:
                logger.warning("The message %s cannot be removed: %s", path, error)
                self._undeletable.add(path)
            return None
        self._undeletable.discard(path)
        if broken is not None:
            logger.warning("Discarded the broken message %s: %s", path.name, broken)
        return payload

    def _size(self, queue: str) -> int:
        return len(_names(self._folder(queue)))

    def _purge(self, queue: str) -> int:
        names = _names(self._folder(queue))
        for name in names:
            (self._folder(queue) / name).unlink(missing_ok=True)
        return len(names)


class Transport(DiscardsBroken):
    """For CELERY_BROKER_URL=embedded://. The transport option `folder` holds a folder for each queue."""

    Channel = Channel
    driver_type = driver_name = "embedded"
    # Seconds between two listings of the folders.
    polling_interval = 0.1

    def driver_version(self) -> str:
        return "1"


def check_writable(folder: Path) -> None:
    """Raises OSError when a message could not be written there, for example on a full disk."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"\0" * 4096)
        file.flush()


def _file_name(payload: dict[str, Any]) -> str:
    """Equal for equal tasks and arguments. Begins with the task's name, for people who look into the folder."""
    headers = payload.get("headers")
    task = str(headers.get("task", "")) if isinstance(headers, dict) else ""
    digest = hashlib.sha256(f"{task}\0{payload.get('body')}".encode()).hexdigest()[:32]
    return f"{re.sub(r'[^A-Za-z0-9_.]', '', task)[:100]}-{digest}{SUFFIX}"


def _names(folder: Path) -> list[str]:
    """The names of the message files, the oldest first. Removes what killed processes left half-written."""
    files: list[tuple[float, str]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    if not entry.is_file(follow_symlinks=False):
                        continue
                    modified = entry.stat(follow_symlinks=False).st_mtime
                    if entry.name.endswith(".tmp"):
                        if abs(time.time() - modified) > ABANDONED_SECONDS:
                            os.unlink(entry)
                    else:
                        files.append((modified, entry.name))
                except OSError:
                    continue  # another reader has it, or we may not remove it
    except OSError:
        return []  # there is no folder before the first message
    return [name for _, name in sorted(files)]


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        text = file.read(MAX_MESSAGE_BYTES + 1)
    if len(text) > MAX_MESSAGE_BYTES:
        raise BrokenMessage(f"more than {MAX_MESSAGE_BYTES} bytes")
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenMessage(str(error)) from error
    if not isinstance(payload, dict):
        raise BrokenMessage("not a JSON object")
    return payload


def _has_expired(payload: dict[str, Any]) -> bool:
    """Whether the time in the header `expires` has passed."""
    headers = payload.get("headers")
    expires = headers.get("expires") if isinstance(headers, dict) else None
    try:
        return isinstance(expires, str) and datetime.fromisoformat(expires) < datetime.now(UTC)
    except (ValueError, TypeError):
        return False
