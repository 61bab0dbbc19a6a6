"""Reports refused rows: all as a CSV file with the original columns, and the first few as messages."""

import csv
from collections.abc import Iterable
from pathlib import Path

from catalog.importing.dialects import normal_name
from catalog.importing.files import FileRefusedError, SourceFile
from catalog.importing.formulas import REPORT_COLUMNS, guarded
from catalog.importing.run import Refusal

MAX_MESSAGES = 20


class RefusedRows:
    """Collects refused rows. With a path it writes them to a CSV file that can be corrected and imported again.

    Raises FileRefusedError when the file cannot be written.
    """

    def __init__(self, sources: Iterable[SourceFile], path: Path | None) -> None:
        self._messages: list[str] = []
        self.count = 0
        # The files may have different columns. The report has each column once.
        sources = [*sources]
        if path and len({source.layout.dialect.name for source in sources}) > 1:
            raise FileRefusedError(
                "The files are of several systems: import those of each with an --errors of its own."
            )
        # By the path of each file.
        self._columns_of = {source.path: _numbered(source) for source in sources}
        names: dict[tuple[str, int], str] = {}
        for source in sources:
            for column, name in zip(self._columns_of[source.path], source.header, strict=True):
                names.setdefault(column, name)
        self._columns = list(names)

        self._file = None
        if path:
            try:
                self._file = path.open("w", encoding="utf-8-sig", newline="")
            except OSError as error:
                raise FileRefusedError(f"{path} cannot be written: {error.strerror}.") from error
            self._writer = csv.writer(self._file)
            self._write([*REPORT_COLUMNS, *names.values()])

    def close(self) -> None:
        if self._file:
            self._file.close()

    def add(self, refusal: Refusal) -> None:
        self.count += 1
        if self.count <= MAX_MESSAGES:
            self._messages.append(f"{refusal.source.path}, line {refusal.line}: {refusal.reason}")
        if self._file:
            place = [str(refusal.source.path), str(refusal.line), refusal.reason]
            self._write([*place, *self._aligned(refusal)])

    def messages(self) -> list[str]:
        """One line for each of the first refused rows, and the number of the others."""
        more = self.count - len(self._messages)
        return [*self._messages, f"… and {more} more"] if more else self._messages

    def _write(self, cells: list[str]) -> None:
        # The cells come from strangers, and the report is opened in a spreadsheet.
        self._writer.writerow(map(guarded, cells))

    def _aligned(self, refusal: Refusal) -> list[str]:
        columns = self._columns_of[refusal.source.path]
        if len(refusal.cells) != len(columns) or columns == self._columns:
            return refusal.cells
        cells = dict(zip(columns, refusal.cells, strict=True))
        return [cells.get(column, "") for column in self._columns]


def _numbered(source: SourceFile) -> list[tuple[str, int]]:
    """The header's columns by their normal names, each with a number that distinguishes columns of the same name."""
    names = [normal_name(name) for name in source.header]
    return [(name, names[:i].count(name)) for i, name in enumerate(names)]
