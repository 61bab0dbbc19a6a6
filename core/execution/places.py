"""Puts lines of the document into tracebacks, so that they show which field failed."""

import linecache
import re
from bisect import bisect_right
from functools import cached_property
from types import TracebackType
from typing import Any
from zlib import crc32

from graphql import FieldNode, OperationDefinitionNode

# What ends a line of GraphQL (§2.1.2), and what may hold a secret: strings and comments (§2.1.4, §2.9.4).
_LINE_END = re.compile(r"\r\n|[\n\r]")
_STRING = re.compile(r'#[^\n\r]*|"""(?:\\"""|(?!""").)*"""|"(?:\\.|[^"\\\n\r])*"', re.DOTALL)
# Characters of an operation's name that become part of a file name. A client may send a name of any length.
_MAX_NAME_LENGTH = 100


class _Here(Exception):
    """Raised to get a frame for a traceback."""


_HERE = compile("raise Here", "<graphql>", "exec")


class Places:
    """Where the fields of an operation are in its document."""

    def __init__(self, node: OperationDefinitionNode) -> None:
        self._text = node.loc.source.body if node.loc else ""
        self._name = node.name.value[:_MAX_NAME_LENGTH] if node.name else "operation"

    @cached_property
    def filename(self) -> str:
        """`<graphql Page 1a2b3c4d>`: the operation's name and a checksum of the document."""
        return f"<graphql {self._name} {crc32(self._text.encode('utf-8', 'replace')):08x}>"

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(end.end() for end in _LINE_END.finditer(self._text))]

    def show_in(self, error: Exception, node: FieldNode, type_name: str) -> None:
        """Replaces the first entry of the error's traceback, which is this library's, by the line of the field."""
        line = bisect_right(self._line_starts, node.loc.start) if node.loc else 1
        code = _HERE.replace(co_filename=self.filename, co_name=type_name, co_qualname=type_name, co_firstlineno=line)
        try:
            exec(code, {"Here": _Here})  # noqa: S102 - a constant: it raises
        except _Here as here:
            # No variable: the frame refers to this one, so it would be a cycle.
            error.__traceback__ = TracebackType(
                _next(error.__traceback__), _next(here.__traceback__).tb_frame, -1, line
            )
        self._show()

    def _show(self) -> None:
        """Lets tracebacks find the text until `hide`. Its strings are left out: one may be a password."""
        if self._text and self.filename not in linecache.cache:
            lines = [f"{line}\n" for line in _LINE_END.split(_STRING.sub(_without_content, self._text))]
            linecache.cache[self.filename] = (len(self._text), None, lines, self.filename)

    def hide(self) -> None:
        """Frees what `_show` keeps."""
        if "filename" in self.__dict__:
            linecache.cache.pop(self.filename, None)

    __del__ = hide


def _next(entry: Any) -> Any:
    return entry and entry.tb_next


def _without_content(string: re.Match[str]) -> str:
    """`"…"` with the line ends that the string has."""
    return "".join(['"…', *_LINE_END.findall(string[0]), '"']) if string[0].startswith('"') else ""
