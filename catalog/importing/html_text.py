"""Converts HTML to plain text: paragraphs and list items become lines, entities become characters, tags are removed."""

import re
from html import unescape

import nh3

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
_TAG = re.compile(r"<[^<>]*>")
# Deeply nested tags cost the parser their square. No description has as many.
MAX_TAGS = 5_000


def tidy(text: str) -> str:
    """The text with single spaces between words, no spaces at the ends of lines, and no two empty lines in a row."""
    lines = [" ".join(line.split()) for line in text.strip().splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def text_of(html: str) -> str:
    """The text of an HTML fragment, one line for each block. Tolerates broken HTML; plain text keeps its lines."""
    if not _MARKUP.search(html):
        return tidy(unescape(html) if _ENTITY.search(html) else html)
    if html.count("<") <= MAX_TAGS:
        html = nh3.clean(html, tags=_BLOCKS | _CELLS, clean_content_tags=_DROPPED, attributes={}, link_rel=None)
    lines = _TAG.sub(_break, _SPACE.sub(" ", html))
    return "\n".join(line for line in tidy(unescape(lines)).split("\n") if line)


def _break(tag: re.Match[str]) -> str:
    return " " if tag[0].strip("</>") in _CELLS else "\n"
