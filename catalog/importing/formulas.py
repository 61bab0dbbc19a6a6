"""Keeps formulas out of the CSV files that a spreadsheet opens (OWASP, "CSV Injection").

A cell that begins like a formula gets an apostrophe in front, so that spreadsheets show it as text. The import removes
the apostrophe again, so that a corrected report imports as its cells were.
"""

import re
from collections.abc import Sequence

# A report of refused rows begins with these columns. Only in a report does an apostrophe mark a guarded cell.
REPORT_COLUMNS = ("file", "line", "reason")
# Full-width signs too: some spreadsheets read them as the plain ones.
_FORMULA = re.compile(r"[\s']*[=+\-@＝＋－＠]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


def guarded(cell: str) -> str:
    """The cell as it is written to a report."""
    return f"'{cell}" if _is_formula(cell) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before `guarded`."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell[1:]) else cell


def is_report(header: Sequence[str]) -> bool:
    """Whether a file with this header was written by `--errors`."""
    return tuple(name.strip().lower() for name in header[: len(REPORT_COLUMNS)]) == REPORT_COLUMNS


def _is_formula(cell: str) -> bool:
    return _FORMULA.match(cell) is not None and not _NUMBER.fullmatch(cell)
