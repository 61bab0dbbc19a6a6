"""The storages of uploaded and generated files. In a folder, a file appears whole or not at all."""

import os
import uuid
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage, storages

# How the names of files begin while they are written. They are never served; whoever owns their folder removes them.
TEMPORARY_PREFIX = ".aside-"


def private() -> Storage:
    """What only the program reads, on all hosts: originals of pictures, and files to import."""
    return storages["private"]


class WholeFiles(FileSystemStorage):
    """Django's storage, but writing a name again replaces the file: the name says what the content is."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: "File[Any]") -> str:
        """Writes a temporary file, flushes it to the disk, renames it. On an error it leaves nothing behind."""
        target = Path(self.path(name))
        temporary = target.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}{target.suffix}")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return name
