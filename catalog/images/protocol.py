"""Messages between the pool and its children: a head in JSON, then parts of bytes.

Never pickles: loading one runs its code, and a child may have been taken over by what it decodes.
"""

import json
import struct
from typing import Any, BinaryIO

LENGTH = struct.Struct(">I")
MAX_HEAD_BYTES = 1 << 20
# The state in a child's first message, before any job. The message also says whether the child could be confined.
READY = "ready"
# The states in an answer to a job.
DONE, REFUSED, MEMORY = "done", "refused", "memory"

Head = dict[str, Any]
Parts = list[bytes]


def send(stream: BinaryIO, head: Head, parts: Parts) -> None:
    """Writes one message. The head gets the lengths of the parts."""
    text = json.dumps({**head, "parts": [len(part) for part in parts]}).encode()
    stream.write(LENGTH.pack(len(text)) + text)
    for part in parts:
        stream.write(part)
    stream.flush()


def receive(stream: BinaryIO, *, max_bytes: int) -> tuple[Head, Parts]:
    """Reads one message, whose parts have at most so many bytes together.

    Raises EOFError when the stream has ended, and when what it holds is not such a message.
    """
    (length,) = LENGTH.unpack(_exactly(stream, LENGTH.size))
    if length > MAX_HEAD_BYTES:
        raise EOFError("the message is too long")
    try:
        head = json.loads(_exactly(stream, length))
        lengths = [int(part) for part in head.pop("parts")]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EOFError("this is not a message") from error
    if min(lengths, default=0) < 0 or sum(lengths) > max_bytes:
        raise EOFError("the message is too long")
    return head, [_exactly(stream, part) for part in lengths]


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the other process has ended")
    return data
