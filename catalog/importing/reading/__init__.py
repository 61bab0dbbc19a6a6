import csv
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class FileRefusedError(Exception): ...


class Record(NamedTuple):
    line: int
    cells: list
    problem: str
    characters: int
    mended: str = ""


@dataclass(frozen=True)
class ReadingOptions:
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class Table:
    path: Path
    header: list
    size: int
    delimiter: str
    notes: tuple = ()

    def records(self, advance=lambda p: None):
        with self.path.open(encoding="utf-8-sig", newline="", errors="replace") as f:
            r = csv.reader(f, delimiter=self.delimiter, skipinitialspace=True)
            w = len(self.header)
            seen = False
            last = 0
            for cells in r:
                line, last = last + 1, r.line_num
                if not seen:
                    seen = cells == self.header
                    continue
                if any(c.strip() for c in cells):
                    problem = f"{len(cells)} cells" if any(cells[w:]) else ""
                    yield Record(line, (cells + [""] * w)[:w], problem, sum(map(len, cells)))


def open_table(path, options, known):
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as f:
        lines = [f.readline() for _ in range(3)]
    best = max(
        (
            (known(h), d, h)
            for d in ",;\t|"
            for line in lines
            for h in [next(csv.reader([line], delimiter=d, skipinitialspace=True), [])]
        ),
        key=lambda t: t[0],
    )
    return Table(path, best[2], path.stat().st_size, best[1])
