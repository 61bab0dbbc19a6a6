"""`manage.py images_check`: finds image files without rows and rows without files, and with --fix repairs them."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand

from catalog.images import consistency
from catalog.images.services import notify_worker

SHOWN = 50


class Command(BaseCommand):
    """Exit status 1 when something was found and not repaired."""

    help = "Holds the images in the database against the files in the storages."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do."""
        parser.add_argument("--fix", action="store_true", help="remove orphans, have missing renditions made again")
        parser.add_argument(
            "--min-age",
            type=float,
            default=3600,
            metavar="SECONDS",
            help="leave younger files alone: their upload may be under way (default 3600)",
        )

    def handle(self, *, fix: bool, min_age: float, **options: Any) -> None:
        """Checks, says, repairs."""
        found = consistency.check(min_age=timedelta(seconds=min_age))
        self._say("orphan", [name for _, name in found.orphans])
        self._say("hole", [f"image {image.pk} lacks {', '.join(map(str, kinds))}" for image, kinds in _words(found)])
        self._say("lost original", [f"image {image.pk}" for image in found.lost])
        if fix and found:
            consistency.fix(found)
            notify_worker()
            self.stdout.write(f"{len(found.orphans)} orphans removed, {len(found.holes)} images are made again.")
        elif not found:
            self.stdout.write("Every file has its row, every row its files.")
        if found.lost or (found and not fix):
            raise SystemExit(1)

    def _say(self, what: str, lines: list[str]) -> None:
        for line in lines[:SHOWN]:
            self.stdout.write(f"{what}: {line}")
        if len(lines) > SHOWN:
            self.stdout.write(f"{what}: and {len(lines) - SHOWN} more")


def _words(found: consistency.Findings) -> list[tuple[Any, list[str]]]:
    return [(image, sorted(kind.label for kind in kinds)) for image, kinds in found.holes.items()]
