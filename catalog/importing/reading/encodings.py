"""Finds out in which encoding a text file is written, in constant memory."""

import codecs
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from catalog.importing.reading.errors import FileRefusedError
from catalog.importing.reading.guess import guess

CHUNK_BYTES = 1 << 20
# UTF-32's little-endian mark begins with UTF-16's.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NAMES = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "cp1257": "Windows-1257",
    "cp874": "Windows-874",
    "cp932": "Shift-JIS",
    "euc_jp": "EUC-JP",
    "gb18030": "GBK",
    "cp950": "Big5",
    "cp949": "EUC-KR",
    "mac_roman": "Mac Roman",
    "mac-roman": "Mac Roman",
}
# A name that a person gives means the superset that Windows and spreadsheets write under that name.
SUPERSETS = {
    "utf-8": "utf-8-sig",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "cp950",
}
# Python's codecs that are no encodings of files.
NO_FILE_ENCODINGS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7"}
# The detector is given this much of the lines that are not ASCII.
SAMPLE_BYTES, SAMPLE_LINE_BYTES = 64_000, 4_000
CONTINUATION_BYTES = bytes(range(0x80, 0xC0))
# Stands where bytes are no text. No file contains it: it is half of a pair.
UNDECODABLE = "\udcff"


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    """A codec's error handler: puts a character in the place of undecodable bytes that no file can contain."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODABLE, error.end


codecs.register_error("mark-undecodable", _mark_undecodable)


@dataclass(frozen=True)
class Encoding:
    """An encoding: Python's name of it, and the name for people.

    `is_clean`: all of the file was seen to be text in it. `is_guessed`: only its letters suggest it.
    """

    codec: str
    name: str
    is_clean: bool = False
    is_guessed: bool = False

    def open(self, path: Path) -> TextIO:
        """The file as text. UNDECODABLE is where bytes are not text in this encoding; line ends are as they are."""
        return path.open(encoding=self.codec, errors="mark-undecodable", newline="")


def named(name: str) -> Encoding:
    """The encoding that a person has named. Raises FileRefusedError when it is none."""
    with suppress(LookupError, UnicodeError, ValueError):
        codec = codecs.lookup(name).name
        if codec not in NO_FILE_ENCODINGS and isinstance("a".encode(codec).decode(codec), str):
            codec = SUPERSETS.get(codec, codec)
            return Encoding(codec, _name_for_people(codec))
    raise FileRefusedError(
        f"There is no text encoding named {name[:100]!r}. Name one as Python does, such as utf-8, utf-16, "
        "windows-1252, shift_jis, gbk, big5 or mac_roman."
    )


def detect(path: Path) -> Encoding:
    """The encoding of the file. Raises OSError."""
    with path.open("rb") as raw:
        head = raw.read(4096)
        for mark, codec in MARKS:
            if head.startswith(mark):
                return Encoding(codec, _name_for_people(codec), is_clean=codec == "utf-8-sig" and all(_check_utf8(raw)))
        if codec := _utf16_without_mark(head):
            return Encoding(codec, "UTF-16", is_guessed=True)
        is_utf8, has_no_nul = _check_utf8(raw)
        if is_utf8:
            return Encoding("utf-8", "UTF-8", is_clean=has_no_nul)
        utf8, other = _lines_beyond_ascii(raw)
    # Text in another encoding is hardly ever UTF-8 by chance, so such lines outweigh as many broken ones.
    if len(utf8) >= len(other):
        return Encoding("utf-8", "UTF-8")
    codec = guess(b"\n".join(other))
    return Encoding(codec, _name_for_people(codec), is_guessed=True)


def _name_for_people(codec: str) -> str:
    return NAMES.get(codec, codec.upper().replace("_", "-"))


def _check_utf8(raw: BinaryIO) -> tuple[bool, bool]:
    """Whether all of the file is UTF-8, and whether it has no NUL character. Reads it to the first byte that is not."""
    raw.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    has_nul = False
    try:
        while chunk := raw.read(CHUNK_BYTES):
            decoder.decode(chunk)
            has_nul = has_nul or b"\0" in chunk
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False, False
    return True, not has_nul


def _utf16_without_mark(head: bytes) -> str:
    """UTF-16 of a known byte order when the head is that: ASCII characters such as commas have a NUL byte each."""
    pairs = len(head) // 2
    first, second = head[0 : pairs * 2 : 2].count(0), head[1 : pairs * 2 : 2].count(0)
    if max(first, second) < max(pairs // 8, 2) or 4 * min(first, second) > max(first, second):
        return ""
    return "utf-16-le" if second > first else "utf-16-be"


def _lines_beyond_ascii(raw: BinaryIO) -> tuple[list[bytes], list[bytes]]:
    """A sample of the lines with bytes beyond ASCII: those that are UTF-8, and the others."""
    raw.seek(0)
    utf8: list[bytes] = []
    other: list[bytes] = []
    size = 0
    is_continued = False
    lines: Iterable[bytes] = iter(lambda: raw.readline(SAMPLE_LINE_BYTES), b"")
    for line in lines:
        # A long line comes in pieces, which may be cut within a character.
        is_piece, is_continued = is_continued, not line.endswith(b"\n")
        if line.isascii():
            continue
        try:
            codecs.utf_8_decode(line.lstrip(CONTINUATION_BYTES) if is_piece else line, "strict", not is_continued)
            utf8.append(line)
        except UnicodeDecodeError:
            other.append(line)
        size += len(line)
        if size > SAMPLE_BYTES:
            break
    return utf8, other
