"""Reads format and dimensions from the header of an untrusted file, in Python and without decoding the image.

The library imagesize knows all four formats too. But it looks for JPEG markers byte by byte (seconds for 20 MB of
rubbish), takes WebP's scale bits for pixels, and follows SVG and URLs.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_SIDE = 20_000
# Markers or boxes in front of the dimensions. 20 MB of metadata are 320 JPEG segments.
MAX_STEPS = 2_000
# The AVIF box that holds the sizes of items, in bytes. For a grid of hundreds of tiles it has a few kB.
MAX_META_BYTES = 1 << 20


class ImageRefused(Exception):
    """The file is not an image of an accepted kind. The message is for the person who uploaded it."""


class ImageTooLarge(ImageRefused):
    """The image has too many bytes or pixels."""


@dataclass(frozen=True)
class Facts:
    """What the header says. `format` is JPEG, PNG, WEBP or AVIF; the pixels are those before any rotation."""

    format: str
    width: int
    height: int


def inspect(file: BinaryIO, *, max_pixels: int, max_side: int = MAX_SIDE) -> Facts:
    """The facts of an image file. Raises ImageRefused, and ImageTooLarge for more pixels than allowed."""
    try:
        facts = _read(_Window(file))
    except _Broken as broken:
        raise ImageRefused(f"The file is damaged: {broken}. Save the picture again and upload it once more.") from None
    if facts.width < 1 or facts.height < 1:
        raise ImageRefused("The file is damaged: it says that the picture has no pixels.")
    if max(facts.width, facts.height) > max_side:
        raise ImageTooLarge(
            f"The picture is {facts.width} × {facts.height} pixels; at most {max_side:,} are taken on a side."
        )
    if facts.width * facts.height > max_pixels:
        raise ImageTooLarge(
            f"The picture is {facts.width} × {facts.height} pixels, {facts.width * facts.height / 1e6:.0f} million; "
            f"at most {max_pixels / 1e6:g} million are taken."
        )
    return facts


class _Broken(Exception):
    """The file is damaged; the text says how."""


class _Window:
    """Reads a file at any offset."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)

    def at(self, offset: int, length: int) -> bytes:
        """So many bytes from the offset. Raises _Broken when the file ends before."""
        self._file.seek(offset)
        data = self._file.read(length)
        if len(data) < length:
            raise _Broken("it ends too early")
        return data


def _read(window: _Window) -> Facts:
    if window.size == 0:
        raise ImageRefused("The file is empty.")
    head = window.at(0, min(32, window.size))
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(window)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(window)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp(window)
    if head[4:8] == b"ftyp":
        return _avif(window)
    raise ImageRefused("This is not a picture that can be shown in a shop: JPEG, PNG, WebP and AVIF are taken.")


def _jpeg(window: _Window) -> Facts:
    """ITU-T T.81 §B.1.1: a sequence of markers, each with its length, up to the frame header (§B.2.2)."""
    offset = 2
    for _ in range(MAX_STEPS):
        marker, length = struct.unpack(">HH", window.at(offset, 4))
        if marker == 0xFFFF:  # fill bytes before a marker
            offset += 1
            continue
        code = marker & 0xFF
        if marker >> 8 != 0xFF or code in (0x00, 0xD8, 0xD9, 0xDA) or length < 2:
            raise _Broken("no frame header where one must be")
        if 0xD0 <= code <= 0xD7 or code == 0x01:  # stand-alone markers
            offset += 2
            continue
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            if code not in (0xC0, 0xC1, 0xC2):
                raise ImageRefused("This kind of JPEG (lossless or arithmetic) is not taken: save it as a usual JPEG.")
            height, width = struct.unpack(">HH", window.at(offset + 5, 4))
            return Facts("JPEG", width, height)
        offset += 2 + length
    raise _Broken("no frame header where one must be")


def _png(window: _Window) -> Facts:
    """PNG (third edition) §11.2.1: IHDR is the first chunk."""
    length, kind, width, height, depth, colour = struct.unpack(">I4sIIBB", window.at(8, 18))
    if kind != b"IHDR" or length != 13 or depth not in (1, 2, 4, 8, 16) or colour not in (0, 2, 3, 4, 6):
        raise _Broken("it has no PNG header")
    return Facts("PNG", width, height)


def _webp(window: _Window) -> Facts:
    """RFC 9649 §2: the first chunk is VP8, VP8L or VP8X (whose canvas may be larger than a frame)."""
    head = window.at(12, 18)
    kind = head[:4]
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (12, 15))
    elif kind == b"VP8L" and head[8] == 0x2F:
        bits = int.from_bytes(head[9:13], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 " and head[11:14] == b"\x9d\x01\x2a":
        width, height = (side & 0x3FFF for side in struct.unpack("<HH", head[14:18]))
    else:
        raise _Broken("it has no WebP header")
    return Facts("WEBP", width, height)


def _avif(window: _Window) -> Facts:
    """ISO/IEC 14496-12 boxes; AVIF §2.1 and HEIF §6.5.3. The largest `ispe` is the image, the others are tiles."""
    meta = None
    for kind, start, end in _boxes(window, 0, window.size):
        if kind == b"ftyp":
            brands = window.at(start, min(end - start, 256))
            if not {b"avif", b"avis"} & {brands[at : at + 4] for at in range(0, len(brands), 4) if at != 4}:
                raise ImageRefused("This is not a picture that is taken (HEIC from a phone?): send it as JPEG or AVIF.")
        elif kind == b"meta":
            meta = (start, end)
            break
    if meta is None or meta[1] - meta[0] > MAX_META_BYTES:
        raise _Broken("it has no AVIF header")
    sides = [
        struct.unpack(">II", window.at(start + 4, 8))
        for iprp, iprp_start, iprp_end in _boxes(window, meta[0] + 4, meta[1])
        if iprp == b"iprp"
        for ipco, ipco_start, ipco_end in _boxes(window, iprp_start, iprp_end)
        if ipco == b"ipco"
        for kind, start, end in _boxes(window, ipco_start, ipco_end)
        if kind == b"ispe"
    ]
    if not sides:
        raise _Broken("it has no AVIF header")
    return Facts("AVIF", *max(sides, key=lambda side: side[0] * side[1]))


def _boxes(window: _Window, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes of a range: kind, start and end of the content (§4.2). Raises _Broken."""
    for _ in range(MAX_STEPS):
        if start >= end:
            return
        size, kind = struct.unpack(">I4s", window.at(start, 8))
        body = start + 8
        if size == 1:
            size, body = int.from_bytes(window.at(start + 8, 8), "big"), start + 16
        elif size == 0:
            size = end - start
        if size < body - start or start + size > end:
            raise _Broken("its parts do not fit together")
        yield kind, body, start + size
        start += size
    raise _Broken("it has too many parts")
