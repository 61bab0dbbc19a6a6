"""Reads a sheet of a workbook: a child process turns it into CSV, and this process reads that."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from catalog.images.pool import PASSED_VARIABLES
from catalog.importing.reading.encodings import Encoding
from catalog.importing.reading.errors import FileRefusedError
from catalog.importing.reading.records import Record, split

ROOT = Path(__file__).resolve().parent.parent.parent.parent
DEADLINE_SECONDS = 600
MAX_ANSWER_BYTES = 64 << 20


@dataclass(frozen=True)
class Preview:
    """How a sheet begins: up to the first rows that are not blank."""

    name: str
    rows: list[Record]


class SheetSource:
    """The rows of a sheet, in a file of this process that goes with this object."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._end = weakref.finalize(self, path.unlink, missing_ok=True)

    def records(self, advance: Callable[[int], object] = lambda position: None) -> Iterator[Record]:
        """All rows that are not blank. Raises OSError."""
        with Encoding("utf-8", "UTF-8").open(self.path) as text:
            for count, record in enumerate(split(text, ",", encoding="UTF-8")):
                if count % 256 == 0:
                    advance(text.buffer.tell())
                number, problem, *cells = [*record.cells, "", ""][: max(len(record.cells), 2)]
                yield record._replace(
                    line=int(number) if number.isdecimal() else record.line,
                    cells=cells,
                    problem=record.problem or problem,
                )


def read_sheet(path: Path, choose: Callable[[Sequence[Preview]], int]) -> tuple[SheetSource, list[str]]:
    """The rows of the sheet that `choose` picks by its position, and sentences about them.

    Raises FileRefusedError.
    """
    descriptor, name = tempfile.mkstemp(suffix=".csv")
    source = SheetSource(Path(name))
    command = [sys.executable, "-m", "catalog.importing.reading.workbook_child"]
    with (
        path.open("rb") as workbook,
        os.fdopen(descriptor, "wb") as out,
        subprocess.Popen(  # noqa: S603
            [*command, str(workbook.fileno()), str(out.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(workbook.fileno(), out.fileno()),
            cwd=ROOT,
            # None of them is a secret.
            env={name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ},
        ) as child,
    ):
        timer = threading.Timer(DEADLINE_SECONDS, child.kill)
        timer.start()
        try:
            previews = [_preview(sheet) for sheet in _answer(path, child.stdout)["sheets"]]
            chosen = choose(previews)
            assert child.stdin is not None  # noqa: S101
            child.stdin.write(f"{chosen}\n".encode())
            child.stdin.flush()
            seen = _answer(path, child.stdout)
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise FileRefusedError(f"{path} is a workbook that cannot be read: {type(error).__name__}.") from error
        finally:
            timer.cancel()
            child.kill()
    source.size = source.path.stat().st_size
    return source, _notes(seen)


def _answer(path: Path, stream: IO[bytes] | None) -> dict[str, Any]:
    assert stream is not None  # noqa: S101
    line = stream.readline(MAX_ANSWER_BYTES)
    if not line.endswith(b"\n"):
        raise FileRefusedError(
            f"{path} is a workbook that takes too much time or memory. Save its rows as CSV UTF-8 and import that."
        )
    answer = json.loads(line)
    if "refused" in answer:
        raise FileRefusedError(f"{path} {str(answer['refused'])[:500]}")
    return dict(answer)


def _preview(sheet: dict[str, Any]) -> Preview:
    rows = [Record(int(number), [str(cell) for cell in cells], "", 0) for number, cells in sheet["rows"]]
    return Preview(str(sheet["name"]), rows)


def _notes(seen: dict[str, Any]) -> list[str]:
    notes = []
    if count := int(seen.get("unsaved", 0)):
        cells = "A cell was" if count == 1 else f"{count:,} cells were"
        notes.append(
            f"{cells} read as blank: the workbook has a formula there without its result. Save it in Excel to have it."
        )
    if seen.get("ends_blank"):
        notes.append(f"The sheet was read to row {int(seen['last']):,}, below which there are thousands of blank rows.")
    return notes
