"""`manage.py seed_demo`: fills the shop with demo products and, with DEBUG on, creates two accounts."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from catalog.demo.accounts import PASSWORD
from catalog.demo.seed import seed_demo


class Command(BaseCommand):
    help = (
        "Adds the demo catalogue (and with DEBUG on the demo accounts). What exists already is left as it is, but demo "
        "products without attributes and group are given theirs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="do nothing when any product exists")

    def handle(self, *args: Any, if_empty: bool, **options: Any) -> None:
        seeded = seed_demo(only_if_empty=if_empty, with_accounts=settings.DEBUG)
        if seeded is None:
            self.stdout.write("The catalogue has products already: nothing was changed.")
            return
        self.stdout.write(
            f"Demo catalogue: {seeded.products} products, {seeded.categories} categories, {seeded.brands} brands added;"
            f" {seeded.existing} products existed already. {seeded.with_attributes} products were given attributes."
        )
        if seeded.pictures:
            self.stdout.write(f"Pictures: the worker draws {seeded.pictures}, one after the other.")
        if not settings.DEBUG:
            self.stdout.write("DEBUG is off: no demo accounts were created.")
        elif seeded.accounts:
            self.stdout.write(f"Demo accounts: {', '.join(seeded.accounts)}, password {PASSWORD}.")
