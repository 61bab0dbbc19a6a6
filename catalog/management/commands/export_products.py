"""Writes all products as CSV that import_products takes again."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalog.importing.export import csv_chunks
from catalog.models import Product


class Command(BaseCommand):
    help = "Writes all products as CSV (UTF-8). import_products takes the file again: an import changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", metavar="FILE", type=Path, help="by default standard output")

    def handle(self, *, file: Path | None, **options: Any) -> None:
        chunks = csv_chunks(Product.objects.all())
        if file is None:
            try:
                for chunk in chunks:
                    self.stdout.write(chunk, ending="")
            except BrokenPipeError:
                # Whoever reads has read enough, such as `head`. Python must not find that out again when it ends.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        # Under another name until it is whole: a part of the products must not look like all of them.
        part = file.with_name(f"{file.name}.part")
        try:
            with part.open("w", encoding="utf-8", newline="") as target:
                target.writelines(chunks)
            part.replace(file)
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
