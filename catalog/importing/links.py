"""Which rows of a file are variants of a product further down, where that product's row names them (Magento)."""

import json
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from catalog.importing.attribute_names import readable
from catalog.importing.variants import Option, slug_part
from catalog.text import squeeze

MAX_LABELS = 1_000


class Link(NamedTuple):
    """The group of a variant, and its options."""

    slug: str
    name: str
    options: list[Option]


class Links:
    """The variants of a file by their SKUs, on disk, so that memory does not grow with the file."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self.labels: dict[str, str] = {}
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("CREATE TABLE link (sku TEXT PRIMARY KEY, parts TEXT) WITHOUT ROWID")

    def add(self, values: dict[str, str]) -> Iterator[str]:
        """Remembers the variants that this row names. Yields the names of their options."""
        slug = slug_part(values.get("slug", "") or values.get("sku", ""))
        for code, label in _pairs(values.get("configurable_variation_labels", "")):
            if label and len(self.labels) < MAX_LABELS:
                self.labels.setdefault(code, label)
        for variation in values.get("configurable_variations", "").split("|"):
            pairs = _pairs(variation)
            sku = next((value for code, value in pairs if code.lower() == "sku"), "")
            options = [
                (self.labels.get(code) or readable(code), value) for code, value in pairs if code.lower() != "sku"
            ]
            yield from (name for name, _ in options)
            if sku and slug:
                parts = json.dumps([slug, values.get("name", ""), options])
                self._db.execute("INSERT OR IGNORE INTO link VALUES (?, ?)", (sku, parts))

    def get(self, sku: str) -> Link | None:
        """The group and the options of the variant with this SKU."""
        found = self._db.execute("SELECT parts FROM link WHERE sku = ?", (sku,)).fetchone()
        if found is None:
            return None
        slug, name, options = json.loads(found[0])
        return Link(slug, name, [Option(*option) for option in options])


def _pairs(cell: str) -> list[tuple[str, str]]:
    parts = (pair.partition("=") for pair in cell.split(","))
    return [(squeeze(code), squeeze(value.strip().strip('"'))) for code, _, value in parts if code.strip()]
