"""Several texts in one cell: `Home > Lamps`, `Red | Blue`. Within a text the sign has a backslash before it."""

import re
from collections.abc import Iterable

from catalog.text import squeeze

VALUES = "|"


def category_cell(names: Iterable[str]) -> str:
    """The cell of the path with these names, the root first."""
    return joined(names, ">")


def category_names(cell: str) -> list[str]:
    """The names of a cell's path."""
    return divided(cell, ">")


def joined(texts: Iterable[str], sign: str) -> str:
    """The cell of these texts."""
    return f" {sign} ".join(re.sub(rf"(\\*){re.escape(sign)}", rf"\1\1\\{sign}", squeeze(text)) for text in texts)


def divided(cell: str, sign: str) -> list[str]:
    """The texts of a cell. Backslashes mean something right before the sign only."""
    texts = [""]
    for backslashes, text in re.findall(rf"(\\*)({re.escape(sign)}|[^\\{re.escape(sign)}]+|$)", cell):
        if text != sign:
            texts[-1] += backslashes + text
            continue
        texts[-1] += backslashes[: len(backslashes) // 2]
        if len(backslashes) % 2:
            texts[-1] += sign
        else:
            texts.append("")
    return [squeeze(text) for text in texts]
