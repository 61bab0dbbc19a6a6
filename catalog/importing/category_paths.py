"""Paths of categories as cells of Vitrine's export: `Home > Lamps`. A > within a name gets a backslash before it."""

import re
from collections.abc import Iterable

from catalog.text import squeeze


def category_cell(names: Iterable[str]) -> str:
    """The cell of the path with these names, the root first."""
    return " > ".join(re.sub(r"(\\*)>", r"\1\1\\>", squeeze(name)) for name in names)


def category_names(cell: str) -> list[str]:
    """The names of a cell's path. Backslashes mean something right before a > only."""
    names = [""]
    for backslashes, text in re.findall(r"(\\*)(>|[^\\>]+|$)", cell):
        if text != ">":
            names[-1] += backslashes + text
            continue
        names[-1] += backslashes[: len(backslashes) // 2]
        if len(backslashes) % 2:
            names[-1] += ">"
        else:
            names.append("")
    return [squeeze(name) for name in names]
