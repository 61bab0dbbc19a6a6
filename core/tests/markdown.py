"""The documentation's Markdown, as far as tests look at it: pages, fenced blocks, links, headings, tables."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

ROOT: Path = settings.BASE_DIR
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md"), *ROOT.glob("core/**/*.md"))
    if "static" not in path.parts
)
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its info string's words, and its text without the fence's indentation."""

    info: tuple[str, ...]
    text: str


def name_of(page: Path) -> str:
    """The page as a test's id shows it."""
    return str(page.relative_to(ROOT))


@cache
def blocks(page: Path) -> list[Block]:
    """The page's fenced blocks, in order."""
    return [
        Block(tuple(match["info"].split()), re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE))
        for match in FENCE.finditer(page.read_text())
    ]


@cache
def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


@cache
def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the page's headings."""
    headings = re.findall(r"^#+ +(.+?) *$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    """Where the page's links and pictures lead."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def code_spans(page: Path) -> list[str]:
    """The page's `code spans`."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose(page))


def first_cells(text: str) -> list[str]:
    """The first cell of every row of every table."""
    cells = [line.strip().strip("|").split("|")[0].strip() for line in text.splitlines() if line.startswith("|")]
    return [cell for cell in cells if not set(cell) <= set("-: ")]
