"""Converts HTML to plain text: paragraphs and list items become lines, entities become characters, tags are removed."""

import re
from html import unescape
from html.parser import HTMLParser

_DROPPED = {"script", "style", "template", "noscript", "iframe", "object", "svg", "head", "title"}
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure"),
    *("footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre"),
    *("section", "table", "tbody", "tfoot", "thead", "tr", "ul", "br"),
}
_CELLS = {"td", "th"}
# A line break in HTML source is a space. U+2028 and U+2029 are meant as breaks.
_SPACE = re.compile(r"[^\S\u2028\u2029]+")
_MARKUP = re.compile(r"<[a-zA-Z/!?]")
_ENTITY = re.compile(r"&#?\w+;")


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._dropping: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED:
            self._dropping.append(tag)
        self._break_at(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._break_at(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._dropping:
            del self._dropping[self._dropping.index(tag) :]
        self._break_at(tag)

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            self.pieces.append(_SPACE.sub(" ", data))

    def _break_at(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.pieces.append("\n")
        elif tag in _CELLS:
            self.pieces.append(" ")


def tidy(text: str) -> str:
    """The text with single spaces between words, no spaces at the ends of lines, and no two empty lines in a row."""
    lines = [" ".join(line.split()) for line in text.strip().splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def text_of(html: str) -> str:
    """The text of an HTML fragment, one line for each block. Tolerates broken HTML; plain text keeps its lines."""
    if not _MARKUP.search(html):
        return tidy(unescape(html) if _ENTITY.search(html) else html)
    parser = _Text()
    parser.feed(html)
    parser.close()
    return "\n".join(line for line in tidy("".join(parser.pieces)).split("\n") if line)
