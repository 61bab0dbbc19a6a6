"""`make bench-images`: images a second and milliseconds an image by format, for 1 to N processes, beside the naive way.

The naive way: one process that decodes the original anew for every size and format, with the same encoder settings.
Images come from the folder given, else they are drawn: 12 megapixels of gradients, grain and shapes.
"""

import math
import os
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter
from rich.console import Console
from rich.table import Table

from catalog.images.inspect import inspect
from catalog.images.pool import Pool
from catalog.images.render import RESAMPLING, decode, encode
from catalog.images.sizes import FIRST, LATER, ImageFormat, dimensions

DRAWN, MAX_PIXELS = 8, 50_000_000
MEMORY, DEADLINE = 3 * 2**29, 120
TYPES = {".jpg", ".jpeg", ".png", ".webp", ".avif"}
Upload = tuple[str, bytes]


def draw_photo(seed: int) -> bytes:
    """A JPEG of 4000 × 3000 pixels that is about as hard to encode as a photo."""
    dice = random.Random(seed)
    size = (4000, 3000)
    grain = (
        Image.effect_noise((1000, 750), 60).filter(ImageFilter.GaussianBlur(1)).resize(size, Image.Resampling.BICUBIC)
    )
    slopes = [Image.linear_gradient("L").rotate(dice.randrange(360)).resize(size) for _ in range(3)]
    image = Image.merge("RGB", [Image.blend(slope, grain, 0.25) for slope in slopes])
    pen = ImageDraw.Draw(image)
    for _ in range(60):
        x, y, r = dice.randrange(size[0]), dice.randrange(size[1]), dice.randrange(20, 400)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=tuple(dice.randrange(256) for _ in range(3)))
    image = Image.blend(image, Image.merge("RGB", [grain] * 3), 0.2)
    out = BytesIO()
    image.save(out, "JPEG", quality=92)
    return out.getvalue()


def naive(upload: Upload) -> None:
    """Every size and format from the original."""
    source, data = upload
    _, width, height = decode(data, source=source, max_pixels=MAX_PIXELS)
    for format in (*FIRST, *LATER):
        for pixels in dimensions(width, height).values():
            image, _, _ = decode(data, source=source, max_pixels=MAX_PIXELS)
            encode(image if image.size == pixels else image.resize(pixels, RESAMPLING), format)


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def pooled(uploads: list[Upload], processes: int, batches: list[tuple[ImageFormat, ...]]) -> float:
    """Seconds for all uploads, children warm."""
    pool = Pool(size=processes, memory=MEMORY, deadline=DEADLINE)

    def one(upload: Upload) -> None:
        for formats in batches:
            pool.run("render", upload[1], source=upload[0], formats=list(formats), max_pixels=MAX_PIXELS)

    with ThreadPoolExecutor(processes) as threads:
        list(threads.map(one, uploads[:processes]))
        seconds = timed(lambda: list(threads.map(one, uploads)))
    pool.close()
    return seconds


def read(folder: Path) -> list[Upload]:
    """The images of a folder."""
    found = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.suffix.lower() in TYPES]
    return [(inspect(BytesIO(data), max_pixels=MAX_PIXELS).format, data) for data in found]


def main() -> None:
    """Prints one table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    uploads = read(folder) if folder else [("JPEG", draw_photo(seed)) for seed in range(DRAWN)]
    if not uploads:
        raise SystemExit(f"{folder} has no JPEG, PNG, WebP or AVIF.")
    cores = os.cpu_count() or 1
    uploads *= math.ceil(2 * cores / len(uploads))
    load = os.getloadavg()[0]
    table = Table(title=f"{len(uploads)} images from {folder or 'the bench'}; {cores} cores, load {load:.1f} before")
    for column in ("", "images/s", "ms an image", "against naive", "against 1 process"):
        table.add_column(column, justify="left" if not column else "right")

    def row(name: str, seconds: float, images: int, *ratios: str) -> None:
        table.add_row(name, f"{images / seconds:.2f}", f"{seconds / images * 1000:.0f}", *ratios)

    some = uploads[: max(2, len(uploads) // 4)]
    os.nice(10)  # as the pool's children
    plain = timed(lambda: list(map(naive, some))) / len(some)
    row("naive, 1 process", plain, 1, "1.00", "")
    for format in ImageFormat:
        row(f"{format} alone, 1 process", pooled(some, 1, [(format,)]), len(some))
    row("READY (JPEG and WebP), 1 process", pooled(some, 1, [FIRST]), len(some))
    first = 0.0
    for processes in range(1, cores + 1):
        seconds = pooled(uploads, processes, [FIRST, LATER])
        first = first or seconds
        ratios = f"{plain * len(uploads) / seconds:.2f}", f"{first / seconds:.2f}"
        row(f"all three, {processes} process{'es' * (processes > 1)}", seconds, len(uploads), *ratios)
    Console().print(table)


if __name__ == "__main__":
    main()
