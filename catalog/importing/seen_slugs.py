"""Which slugs this run has met, and where: on disk, so that memory does not grow with the files."""

import sqlite3
from collections.abc import Iterable


class SeenSlugs:
    """Remembers in a temporary SQLite file (gone when closed) where each slug was first used."""

    def __init__(self) -> None:
        # An empty name is a private file on disk that goes with the connection.
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA cache_size=-16000")
        self._db.execute("CREATE TABLE seen (slug TEXT PRIMARY KEY, place TEXT) WITHOUT ROWID")

    def close(self) -> None:
        """Forgets all."""
        self._db.close()

    def places(self, slugs: Iterable[str]) -> dict[str, str]:
        """Where those of the slugs that were used before were used."""
        wanted = list(slugs)
        marks = ",".join("?" * len(wanted))
        return dict(self._db.execute(f"SELECT slug, place FROM seen WHERE slug IN ({marks})", wanted))  # noqa: S608

    def add(self, places: dict[str, str]) -> None:
        """Remembers slugs with the place that used each; none may be known yet."""
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO seen VALUES (?, ?)", sorted(places.items()))
        self._db.execute("COMMIT")
