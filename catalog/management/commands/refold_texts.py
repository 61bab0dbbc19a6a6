"""`manage.py refold_texts`: makes the stored folded texts, in which the database engine searches, anew."""

from typing import Any

from django.core.management.base import BaseCommand

from catalog.models import Brand, Category, Product
from catalog.refolding import refold


class Command(BaseCommand):
    help = "Folds names, SKUs and descriptions anew where they are stored as another version of Vitrine folded them."

    def handle(self, **options: Any) -> None:
        changed = refold(brand=Brand, category=Category, product=Product)
        self.stdout.write(f"{changed} rows are folded anew.")
