"""A child process of the pool: does the jobs on its standard input until its parent ends.

A malicious picture may take over the decoder, and with it this process. So the process knows no secret, imports no
Django, and can open neither files nor connections (catalog.images.confinement). Its parent reads only JSON and bytes
from it. `python -m catalog.images.child MEMORY` limits its address space to so many bytes.
"""

import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import BinaryIO

# Pillow imports these plugins when a picture needs one, but a confined process cannot.
from PIL import GifImagePlugin, Image, MpoImagePlugin, PpmImagePlugin, TiffImagePlugin  # noqa: F401

from catalog.images.confinement import NotConfined, confine
from catalog.images.protocol import DONE, MEMORY, READY, REFUSED, Head, Parts, receive, send
from catalog.images.render import SRGB, NotRendered, render
from catalog.images.sizes import ImageFormat

# Web requests on the same cores come first.
NICENESS = 10
Answer = tuple[Head, Parts]


def render_task(data: bytes, *, source: str, formats: list[str], max_pixels: int) -> Answer:
    """All renditions of an upload: their descriptions in the head, their bytes in the parts."""
    picture = render(data, source=source, formats=[ImageFormat(format) for format in formats], max_pixels=max_pixels)
    head = {
        "width": picture.width,
        "height": picture.height,
        "placeholder": picture.placeholder,
        "renditions": [
            {
                "size": rendition.size,
                "format": rendition.format,
                "width": rendition.width,
                "height": rendition.height,
            }
            for rendition in picture.renditions
        ],
    }
    return head, [rendition.data for rendition in picture.renditions]


TASKS: dict[str, Callable[..., Answer]] = {"render": render_task}


def warm_up() -> None:
    """Uses every codec once, because Python and C libraries load files on first use, and confinement forbids that."""
    small = Image.new("RGBA", (2, 2), (1, 2, 3, 128))
    for source in ("JPEG", "PNG", "WEBP", "AVIF"):
        out = BytesIO()
        picture = small.convert("RGB") if source == "JPEG" else small
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.save(out, source, exif=exif, icc_profile=SRGB.tobytes())
        render_task(out.getvalue(), source=source, formats=[format.value for format in ImageFormat], max_pixels=4)


def main(memory: int) -> None:
    """Answers jobs until the parent closes the pipe or ends."""
    # Ctrl-C in a terminal and a supervisor's SIGTERM reach the whole group, but the worker ends its children itself.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)
    # When the machine runs out of memory, the kernel is to kill this process and not its parent.
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("500")
    # C libraries may print. Their output goes to standard error, so that it does not mix with the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    jobs: queue.Queue[tuple[Head, Parts]] = queue.Queue(1)
    threading.Thread(target=_listen, args=(sys.stdin.buffer, jobs), daemon=True).start()
    warm_up()
    unconfined = ""
    try:
        confine()
    except NotConfined as error:
        unconfined = str(error)
    send(answers, {"state": READY, "unconfined": unconfined}, [])
    while True:
        head, parts = jobs.get()
        send(answers, *_answer(head, parts))
        del head, parts


def _listen(stream: BinaryIO, jobs: "queue.Queue[tuple[Head, Parts]]") -> None:
    """Queues the jobs that the parent sends. When the parent ends, ends this process at once, even within a job."""
    try:
        while True:
            jobs.put(receive(stream, max_bytes=sys.maxsize))
    except EOFError:
        os._exit(0)
    finally:
        os._exit(1)


def _answer(head: Head, parts: Parts) -> Answer:
    """Runs one job. An unexpected exception ends the child, which counts as a crash on this image."""
    task = TASKS[head.pop("task")]
    try:
        answer, answer_parts = task(*parts, **head)
    except NotRendered as refused:
        return {"state": REFUSED, "reason": str(refused)}, []
    except MemoryError:
        return {"state": MEMORY}, []
    return {"state": DONE, **answer}, answer_parts


if __name__ == "__main__":
    main(int(sys.argv[1]))
