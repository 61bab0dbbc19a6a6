"""Files in a folder that appear whole or not at all, readable by others on the machine (nginx)."""

import os
import uuid
from pathlib import Path

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

# Files being written, with the suffix that they will have: never served, and swept up by who lists the folder.
ASIDE = ".aside-"


class WholeFiles(FileSystemStorage):
    """Django's folder of files; a name is a promise of content here, so writing one again replaces it."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The name itself."""
        return name

    def _save(self, name: str, content: File) -> str:
        """Writes aside, flushes to the disk, renames. Raises OSError, and leaves nothing then."""
        target = Path(self.path(name))
        aside = target.with_name(f"{ASIDE}{uuid.uuid4().hex}{target.suffix}")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            aside.chmod(0o644)
            aside.replace(target)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        return name
