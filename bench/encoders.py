"""`python -m bench.encoders FOLDER` compares time, bytes and PSNR of encoder settings. Prints one table."""

import math
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageStat
from rich.console import Console
from rich.table import Table

from bench.images import read
from catalog.images.render import decode
from catalog.images.sizes import ENCODING, ImageFormat

JPEG, WEBP, AVIF = ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF
VARIANTS: list[tuple[ImageFormat, dict[str, Any]]] = [
    *((JPEG, {"quality": quality}) for quality in (75, 82, 85)),
    *((WEBP, {"method": method}) for method in (0, 1, 2, 3, 4, 6)),
    *((AVIF, {"speed": speed}) for speed in (6, 7, 8, 9, 10)),
]


def psnr(image: Image.Image, other: Image.Image) -> float:
    """Decibels between two RGB images of the same size."""
    mean = sum(rms**2 for rms in ImageStat.Stat(ImageChops.difference(image, other)).rms) / 3
    return 10 * math.log10(255**2 / mean) if mean else math.inf


def encoded(image: Image.Image, format: ImageFormat, options: dict[str, Any]) -> tuple[float, bytes]:
    """Seconds of processor time, the least of three, and the file."""
    taken = []
    for _ in range(3):
        out = BytesIO()
        started = time.process_time()
        image.save(out, format.value, **options)
        taken.append(time.process_time() - started)
    return min(taken), out.getvalue()


def main() -> None:
    """Prints one table."""
    images = [decode(data, source=source, max_pixels=50_000_000)[0] for source, data in read(Path(sys.argv[1]))]
    images = [image.convert("RGB") for image in images]
    megapixels = sum(image.width * image.height for image in images) / 1e6
    table = Table("format", "settings", "ms/MP", "kB/MP", "PSNR, dB", title=f"{len(images)} images")
    for format, changed in VARIANTS:
        options = {**ENCODING[format], **changed}
        encodings = [encoded(image, format, options) for image in images]
        quality = [
            psnr(image, Image.open(BytesIO(data)).convert("RGB"))
            for image, (_, data) in zip(images, encodings, strict=True)
        ]
        table.add_row(
            format,
            f"{changed}{' (in use)' if options == ENCODING[format] else ''}",
            f"{sum(seconds for seconds, _ in encodings) * 1000 / megapixels:.0f}",
            f"{sum(len(data) for _, data in encodings) / 1000 / megapixels:.0f}",
            f"{sum(quality) / len(quality):.1f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
