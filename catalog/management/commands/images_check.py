"""`manage.py images_check`: finds image files without rows and rows without files, and with --fix repairs them."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand

from catalog.images import consistency
from catalog.images.models import ImageJob, ProductImage
from catalog.images.services import notify_worker

MAX_SHOWN = 50


class Command(BaseCommand):
    """Ends with status 1 when it found something and did not repair it."""

    help = "Compares the images in the database with the files in the storages. Status 1: something is left to repair."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--fix", action="store_true", help="remove orphans, have missing renditions made again")
        parser.add_argument(
            "--min-age",
            type=float,
            default=3600,
            metavar="SECONDS",
            help="leave younger files alone: their upload may be under way (default 3600)",
        )

    def handle(self, *, fix: bool, min_age: float, **options: Any) -> None:
        findings = consistency.check(min_age=timedelta(seconds=min_age))
        self._write("orphan", [name for _, name in findings.orphans])
        self._write("hole", [_hole(image, kinds) for image, kinds in findings.holes.items()])
        self._write("lost original", [f"image {image.pk}" for image in findings.lost])
        if fix and findings:
            consistency.fix(findings)
            notify_worker()
            self.stdout.write(
                f"{len(findings.orphans)} orphans removed, {len(findings.holes)} images are rendered again."
            )
        elif not findings:
            self.stdout.write("Every file has its row, every row its files.")
        if findings.lost or (findings and not fix):
            raise SystemExit(1)

    def _write(self, what: str, lines: list[str]) -> None:
        for line in lines[:MAX_SHOWN]:
            self.stdout.write(f"{what}: {line}")
        if len(lines) > MAX_SHOWN:
            self.stdout.write(f"{what}: and {len(lines) - MAX_SHOWN} more")


def _hole(image: ProductImage, kinds: set[ImageJob.Kind]) -> str:
    return f"image {image.pk}: a job is needed to {', '.join(sorted(str(kind.label) for kind in kinds))}"
