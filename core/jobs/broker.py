"""The embedded broker: a kombu transport whose messages are files in VAR_DIR/broker, one folder for each queue.

A message only says that there is work, so the same message is kept once however often it is sent: its file is named
after the task and its arguments, and a newer one takes its place. A file appears whole or not at all. One that cannot
be read is discarded with a line in the log: the sweeps find what it was about.

kombu's own filesystem transport is not used: a half-written or empty file ends its worker (celery/kombu#1551).
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
# A file that is being written for longer than this was left by a process that was killed.
ABANDONED_SECONDS = 60
SUFFIX = ".json"


class BrokenMessage(Exception):
    """A file that is no message."""


class Channel(virtual.Channel):
    """Messages in files: a write renames a whole file into place, a read ends with an unlink that one reader wins."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Names seen by the last look into a queue's folder, the oldest first.
        self._listed: dict[str, deque[str]] = defaultdict(deque)
        # Files that could not be removed, each of which is told once.
        self._stuck: set[Path] = set()

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
        """The message of the file, which is gone then; None when another reader has it or it is broken.

        A newer message that takes the file's place between reading and unlinking says the same, and was sent before
        this one is worked on.
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
            # Delivered all the same, it would come again and again.
            if path not in self._stuck:
                logger.warning("The message %s cannot be removed: %s", path, error)
                self._stuck.add(path)
            return None
        self._stuck.discard(path)
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
    """For CELERY_BROKER_URL=embedded://; the transport option `folder` says where the queues lie."""

    Channel = Channel
    driver_type = driver_name = "embedded"
    # Seconds between two looks into the folders.
    polling_interval = 0.1

    def driver_version(self) -> str:
        """There is no driver."""
        return "1"


def check_writable(folder: Path) -> None:
    """Raises OSError when no message could be written there, such as on a full disk."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"\0" * 4096)
        file.flush()


def _file_name(payload: dict[str, Any]) -> str:
    """The same for the same task and arguments; begins with the task's name for whoever looks into the folder."""
    headers = payload.get("headers")
    task = str(headers.get("task", "")) if isinstance(headers, dict) else ""
    digest = hashlib.sha256(f"{task}\0{payload.get('body')}".encode()).hexdigest()[:32]
    return f"{re.sub(r'[^A-Za-z0-9_.]', '', task)[:100]}-{digest}{SUFFIX}"


def _names(folder: Path) -> list[str]:
    """The files of messages, the oldest first. Removes what killed processes left half-written."""
    found: list[tuple[float, str]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    if not entry.is_file(follow_symlinks=False):
                        continue
                    changed = entry.stat(follow_symlinks=False).st_mtime
                    if entry.name.endswith(".tmp"):
                        if abs(time.time() - changed) > ABANDONED_SECONDS:
                            os.unlink(entry)
                    else:
                        found.append((changed, entry.name))
                except OSError:
                    continue  # taken by another reader, or not ours to remove
    except OSError:
        return []  # no message was ever sent, or somebody removed the folder
    return [name for _, name in sorted(found)]


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
    """Whether the sender's `expires` is over: somebody has sent it anew since, or will."""
    headers = payload.get("headers")
    expires = headers.get("expires") if isinstance(headers, dict) else None
    try:
        return isinstance(expires, str) and datetime.fromisoformat(expires) < datetime.now(UTC)
    except (ValueError, TypeError):
        return False
