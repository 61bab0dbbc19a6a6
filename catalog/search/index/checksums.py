"""Verifies that a file of an index is as Tantivy wrote it."""

import json
import os
import struct
import zlib
from pathlib import Path

# The footer of Tantivy: JSON with the CRC-32 of everything before it, the length of the JSON, a magic number.
_FOOTER, _MAGIC = struct.Struct("<II"), 1337
_PIECE_BYTES = 1 << 20


def is_whole(path: Path) -> bool:
    """Whether the file is as Tantivy wrote it, by its checksum."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < _FOOTER.size:
            return False
        file.seek(size - _FOOTER.size)
        length, magic = _FOOTER.unpack(file.read())
        body = size - _FOOTER.size - length
        if magic != _MAGIC or body < 0:
            return False
        file.seek(body)
        try:
            expected = json.loads(file.read(length))["crc"]
        except (ValueError, KeyError):
            return False
        file.seek(0)
        crc = 0
        while body and (piece := file.read(min(body, _PIECE_BYTES))):
            crc = zlib.crc32(piece, crc)
            body -= len(piece)
    return crc == expected and not body
