"""`make bench-images` compares the image pool with a naive way and with bare processes. Prints one table.

It shows images per second, and milliseconds per image by format, for 1 to N processes. The naive way is one process
that decodes the original for every size and format, with the same encoder settings. Bare processes do the pool's work
without the pool: what the machine's cores give at all. Images come from the given folder; without one they are drawn,
with 12 megapixels of gradients, grain and shapes.
"""

import argparse
import math
import multiprocessing
import os
import random
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageOps
from rich.console import Console
from rich.table import Table

from catalog.images.inspect import inspect
from catalog.images.pool import Pool
from catalog.images.render import RESAMPLING, encode, render
from catalog.images.sizes import FIRST, LATER, ImageFormat, dimensions

DRAWN, MIN_IMAGES, MAX_PIXELS = 8, 16, 50_000_000
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
    _, data = upload
    for format in (*FIRST, *LATER):
        with Image.open(BytesIO(data)) as header:
            sizes = dimensions(*header.size).values()
        for pixels in sizes:
            image = ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB")
            encode(image if image.size == pixels else image.resize(pixels, RESAMPLING), format)


def bare(upload: Upload) -> None:
    """What a child does for an upload, without pool and pipes."""
    for formats in (FIRST, LATER):
        render(upload[1], source=upload[0], formats=formats, max_pixels=MAX_PIXELS)


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def render_all(pool: Pool, uploads: list[Upload], batches: list[tuple[ImageFormat, ...]]) -> None:
    """As the worker does, with as many threads as the pool has children."""

    def one(upload: Upload) -> None:
        for formats in batches:
            pool.run("render", upload[1], source=upload[0], formats=list(formats), max_pixels=MAX_PIXELS)

    with ThreadPoolExecutor(pool.size) as threads:
        list(threads.map(one, uploads))


def read(folder: Path) -> list[Upload]:
    """The images of a folder."""
    contents = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.suffix.lower() in TYPES]
    return [(inspect(BytesIO(data), max_pixels=MAX_PIXELS).format, data) for data in contents]


def main() -> None:
    """Prints one table: medians of rounds, so that what else the machine does meets all alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    uploads = read(options.folder) if options.folder else [("JPEG", draw_photo(seed)) for seed in range(DRAWN)]
    if not uploads:
        raise SystemExit(f"{options.folder} has no JPEG, PNG, WebP or AVIF.")
    cores = os.cpu_count() or 1
    uploads *= math.ceil(MIN_IMAGES / len(uploads))
    some = uploads[: len(uploads) // 2]
    os.nice(10)  # as the pool's children
    pools = [Pool(size=size, memory=MEMORY, deadline=DEADLINE, recycle=10_000) for size in range(1, cores + 1)]
    processes = [
        ProcessPoolExecutor(size, mp_context=multiprocessing.get_context("spawn")) for size in range(1, cores + 1)
    ]
    everything = [FIRST, LATER]
    rows: dict[str, tuple[int, Callable[[], object]]] = {
        "naive, 1 process": (len(some), lambda: list(map(naive, some))),
        **{
            f"{format} alone, 1 process": (len(some), partial(render_all, pools[0], some, [(format,)]))
            for format in ImageFormat
        },
        "READY (JPEG and WebP), 1 process": (len(some), partial(render_all, pools[0], some, [FIRST])),
        **{
            f"all three, {pool.size} of the pool": (len(uploads), partial(render_all, pool, uploads, everything))
            for pool in pools
        },
        **{
            f"the same in {size} bare process{'es' * (size > 1)}": (
                len(uploads),
                partial(lambda executor: list(executor.map(bare, uploads)), executor),
            )
            for size, executor in enumerate(processes, 1)
        },
    }
    for pool in pools:
        render_all(pool, uploads[: pool.size * 2], everything)
    for executor in processes:
        list(executor.map(bare, uploads[: cores * 2]))
    load = os.getloadavg()[0]
    taken: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(options.rounds):
        for name, (images, work) in rows.items():
            taken[name].append(timed(work) / images)
    for pool in pools:
        pool.close()
    for executor in processes:
        executor.shutdown()
    title = f"{len(uploads)} images from {options.folder or 'the bench'}; {cores} cores, load {load:.1f} before"
    table = Table(title=f"{title}; median (least) of {options.rounds} rounds")
    for column in ("", "images/s", "ms an image", "against naive", "against 1"):
        table.add_column(column, justify="left" if not column else "right")
    plain = taken["naive, 1 process"]
    one = plain
    for name, seconds in taken.items():
        one = seconds if " 1 " in name else one
        middle = statistics.median(seconds)
        table.add_row(
            name,
            f"{1 / middle:.2f}",
            f"{middle * 1000:.0f} ({min(seconds) * 1000:.0f})",
            _ratio(plain, seconds) if name.startswith(("all", "the same")) else "",
            _ratio(one, seconds) if " 1 " not in name else "",
        )
    Console().print(table)


def _ratio(those: list[float], these: list[float]) -> str:
    """Median of the rounds' own ratios."""
    return f"{statistics.median(a / b for a, b in zip(those, these, strict=True)):.2f}"


if __name__ == "__main__":
    main()
