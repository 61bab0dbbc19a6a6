"""One child of the pool: reads jobs from its standard input and answers them, until its parent is gone.

Bytes that take over a decoder have this process: so it knows no secret, imports no Django, opens no file and no
connection (catalog.images.confinement), and is believed nothing but JSON and bytes.
`python -m catalog.images.child MEMORY` takes its address-space limit in bytes.
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

from PIL import GifImagePlugin, Image, MpoImagePlugin, PpmImagePlugin, TiffImagePlugin  # noqa: F401

from catalog.images.confinement import NotConfined, confine
from catalog.images.protocol import DONE, MEMORY, READY, REFUSED, Head, Parts, receive, send
from catalog.images.render import SRGB, NotRendered, render
from catalog.images.sizes import ImageFormat

# Milder than what answers requests on the same cores.
NICENESS = 10
Answer = tuple[Head, Parts]


def render_task(data: bytes, *, source: str, formats: list[str], max_pixels: int) -> Answer:
    """All renditions of an upload."""
    picture = render(data, source=source, formats=[ImageFormat(each) for each in formats], max_pixels=max_pixels)
    about = [
        {"size": each.size, "format": each.format, "width": each.width, "height": each.height}
        for each in picture.renditions
    ]
    head = {
        "width": picture.width,
        "height": picture.height,
        "placeholder": picture.placeholder,
        "renditions": about,
    }
    return head, [each.data for each in picture.renditions]


TASKS: dict[str, Callable[..., Answer]] = {"render": render_task}


def warm_up() -> None:
    """Uses every codec once: what Python and C libraries load or look up when it is wanted is then there."""
    small = Image.new("RGBA", (2, 2), (1, 2, 3, 128))
    for source in ("JPEG", "PNG", "WEBP", "AVIF"):
        out = BytesIO()
        picture = small.convert("RGB") if source == "JPEG" else small
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.save(out, source, exif=exif, icc_profile=SRGB.tobytes())
        render_task(out.getvalue(), source=source, formats=[each.value for each in ImageFormat], max_pixels=4)


def main(memory: int) -> None:
    """Works until the parent closes the pipe or is gone."""
    # A terminal's Ctrl-C and honcho's SIGTERM reach the whole group: the worker decides when its children end.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)
    # Should memory run out all the same, the kernel takes this process and not its parent.
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("500")
    # Whatever a C library prints must not get between the answers.
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
    """Hands on what the parent sends. When it is gone, so is this process, whatever it is at."""
    try:
        while True:
            jobs.put(receive(stream, most=sys.maxsize))
    except EOFError:
        os._exit(0)
    finally:
        os._exit(1)


def _answer(head: Head, parts: Parts) -> Answer:
    """Runs one job. What nobody expected ends the child, and costs the image one of its attempts."""
    task = TASKS[head.pop("task")]
    try:
        answer, made = task(*parts, **head)
    except NotRendered as refused:
        return {"state": REFUSED, "reason": str(refused)}, []
    except MemoryError:
        return {"state": MEMORY}, []
    return {"state": DONE, **answer}, made


if __name__ == "__main__":
    main(int(sys.argv[1]))
