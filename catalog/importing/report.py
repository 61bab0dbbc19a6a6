"""Tells of refused rows: as CSV with the original columns, and the first few in words."""

import csv
from collections.abc import Iterable
from pathlib import Path

from catalog.importing.files import FileRefusedError, SourceFile
from catalog.importing.formulas import REPORT_COLUMNS, guarded
from catalog.importing.run import Refusal

FIRST = 20


class RefusedRows:
    """Collects refused rows; with a path they become a CSV file there, which can be mended and imported again.

    Raises FileRefusedError when that file cannot be written.
    """

    def __init__(self, sources: Iterable[SourceFile], path: Path | None) -> None:
        self.lines: list[str] = []
        self.count = 0
        # Files may have different columns: the report has them all, each once.
        self._columns = list(dict.fromkeys(column for source in sources for column in _numbered(source)))

        self._file = None
        if path:
            try:
                self._file = path.open("w", encoding="utf-8", newline="")
            except OSError as error:
                raise FileRefusedError(f"{path} cannot be written: {error.strerror}.") from error
            self._writer = csv.writer(self._file)
            self._write([*REPORT_COLUMNS, *(name for name, _ in self._columns)])

    def close(self) -> None:
        """Finishes the file."""
        if self._file:
            self._file.close()

    def add(self, refusal: Refusal) -> None:
        """Takes down a refused row."""
        self.count += 1
        if self.count <= FIRST:
            self.lines.append(f"{refusal.source.path}, line {refusal.line}: {refusal.reason}")
        if self._file:
            place = [str(refusal.source.path), str(refusal.line), refusal.reason]
            self._write([*place, *self._aligned(refusal)])

    def in_words(self) -> list[str]:
        """The first few, a line each, and how many more there are."""
        more = self.count - len(self.lines)
        return [*self.lines, f"… and {more} more"] if more else self.lines

    def _write(self, cells: list[str]) -> None:
        # Whoever made the file chose its cells; whoever mends the report opens it in a spreadsheet.
        self._writer.writerow(map(guarded, cells))

    def _aligned(self, refusal: Refusal) -> list[str]:
        columns = _numbered(refusal.source)
        if len(refusal.cells) != len(columns) or columns == self._columns:
            return refusal.cells
        cells = dict(zip(columns, refusal.cells, strict=True))
        return [cells.get(column, "") for column in self._columns]


def _numbered(source: SourceFile) -> list[tuple[str, int]]:
    """The header's columns, those of one name told apart."""
    return [(name, source.header[:i].count(name)) for i, name in enumerate(source.header)]
