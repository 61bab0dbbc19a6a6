"""Guards the cells of a CSV that a spreadsheet opens: none may be a formula (OWASP, "CSV Injection").

A cell of a stranger's that begins like a formula gets an apostrophe before it, which spreadsheets show as text. Reading
the same file takes it off again, so that a row that was mended goes in as it was meant.
"""

import re
from collections.abc import Sequence

# A report begins with these columns; only there is an apostrophe a guard.
REPORT_COLUMNS = ("file", "line", "reason")
# Full-width signs count: some spreadsheets take them for the plain ones.
_FORMULA = re.compile(r"[\s']*[=+\-@＝＋－＠]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


def guarded(cell: str) -> str:
    """The cell as a report has it."""
    return f"'{cell}" if _is_formula(cell) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before it was guarded."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell[1:]) else cell


def is_report(header: Sequence[str]) -> bool:
    """Whether a file with this header is one that `--errors` wrote."""
    return tuple(name.strip().lower() for name in header[: len(REPORT_COLUMNS)]) == REPORT_COLUMNS


def _is_formula(cell: str) -> bool:
    return _FORMULA.match(cell) is not None and not _NUMBER.fullmatch(cell)
