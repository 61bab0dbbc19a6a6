"""Remembers the slugs of an import on disk, so that memory does not grow with the files."""

import sqlite3
from collections.abc import Iterable


class SeenSlugs:
    """Where each slug was first used, in a temporary SQLite file that is deleted by `close`."""

    def __init__(self) -> None:
        # An empty name means a private file on disk that is deleted with the connection.
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA cache_size=-16000")
        self._db.execute("CREATE TABLE seen (slug TEXT PRIMARY KEY, place TEXT) WITHOUT ROWID")

    def close(self) -> None:
        self._db.close()

    def places(self, slugs: Iterable[str]) -> dict[str, str]:
        """Where the slugs were first used. Slugs that were not used yet are absent."""
        wanted = list(slugs)
        marks = ",".join("?" * len(wanted))
        return dict(self._db.execute(f"SELECT slug, place FROM seen WHERE slug IN ({marks})", wanted))  # noqa: S608

    def add(self, places: dict[str, str]) -> None:
        """Remembers new slugs with the places that use them."""
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO seen VALUES (?, ?)", sorted(places.items()))
        self._db.execute("COMMIT")
