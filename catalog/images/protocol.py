"""How the pool and its children speak: a head in JSON, then bytes; no pickles, for a child may have been taken over."""

import json
import struct
from typing import Any, BinaryIO

LENGTH = struct.Struct(">I")
LONGEST_HEAD = 1 << 20
# What a child says first, before any job; it tells whether it could be confined.
READY = "ready"
# What a child says of a job: its answer, or why there is none.
DONE, REFUSED, MEMORY = "done", "refused", "memory"

Head = dict[str, Any]
Parts = list[bytes]


def send(stream: BinaryIO, head: Head, parts: Parts) -> None:
    """Writes one message; the lengths of its parts go into the head."""
    text = json.dumps({**head, "parts": [len(part) for part in parts]}).encode()
    stream.write(LENGTH.pack(len(text)) + text)
    for part in parts:
        stream.write(part)
    stream.flush()


def receive(stream: BinaryIO, *, most: int) -> tuple[Head, Parts]:
    """Reads one message of at most so many bytes. Raises EOFError when there is none, or none of that shape."""
    (length,) = LENGTH.unpack(_exactly(stream, LENGTH.size))
    if length > LONGEST_HEAD:
        raise EOFError("message too long")
    try:
        head = json.loads(_exactly(stream, length))
        lengths = [int(part) for part in head.pop("parts")]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EOFError("not a message") from error
    if min(lengths, default=0) < 0 or sum(lengths) > most:
        raise EOFError("message too long")
    return head, [_exactly(stream, part) for part in lengths]


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the other side is gone")
    return data
