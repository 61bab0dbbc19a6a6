"""Remembers the products of an import's rows on disk, so that memory does not grow with the files."""

import sqlite3
from collections.abc import Iterable
from operator import attrgetter
from typing import NamedTuple


class SeenRow(NamedTuple):
    """A row that was accepted: the slug, name and SKU of its product, where it is, and its group and options."""

    slug: str
    sku: str | None
    name: str
    place: str
    group: str | None = None
    options: str | None = None


class SeenRows:
    """The rows of an import so far, in a temporary SQLite file that is deleted by `close`."""

    def __init__(self) -> None:
        # An empty name means a private file on disk that is deleted with the connection.
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA cache_size=-16000")
        self._db.execute(
            "CREATE TABLE seen (slug TEXT PRIMARY KEY, sku TEXT, name TEXT, place TEXT, grp TEXT, options TEXT)"
            " WITHOUT ROWID"
        )
        self._db.execute("CREATE INDEX seen_sku ON seen (sku) WHERE sku IS NOT NULL")
        self._db.execute("CREATE INDEX seen_name ON seen (name)")
        self._db.execute("CREATE INDEX seen_options ON seen (options) WHERE options IS NOT NULL")

    def close(self) -> None:
        self._db.close()

    def by_slug(self, slugs: Iterable[str]) -> dict[str, SeenRow]:
        """The rows that had one of these slugs."""
        return {row.slug: row for row in self._select("slug", slugs)}

    def by_sku(self, skus: Iterable[str]) -> dict[str, SeenRow]:
        """The rows that had one of these SKUs."""
        return {row.sku: row for row in self._select("sku", skus) if row.sku}

    def by_name(self, names: Iterable[str]) -> dict[str, list[SeenRow]]:
        """The rows that had one of these names."""
        rows: dict[str, list[SeenRow]] = {}
        for row in self._select("name", names):
            rows.setdefault(row.name, []).append(row)
        return rows

    def by_options(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """The places of the rows that had one of these groups and options."""
        wanted = {*pairs}
        rows = self._select("options", {options for _, options in wanted}) if wanted else ()
        return {pair: row.place for row in rows if (pair := (row.group or "", row.options or "")) in wanted}

    def add(self, rows: Iterable[SeenRow]) -> None:
        """Remembers rows whose slugs are new."""
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?)", sorted(rows, key=attrgetter("slug")))
        self._db.execute("COMMIT")

    def _select(self, column: str, values: Iterable[str]) -> Iterable[SeenRow]:
        wanted = list(values)
        marks = ",".join("?" * len(wanted))
        return map(SeenRow._make, self._db.execute(f"SELECT * FROM seen WHERE {column} IN ({marks})", wanted))  # noqa: S608
