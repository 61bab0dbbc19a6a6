"""Which renditions there are and how they are encoded: the one place for sizes and quality. Imports nothing.

`python -m bench.encoders FOLDER` measures what a step of quality or effort costs. Over 12 photos of 1600 × 1067 pixels
(Pillow 13, one core; milliseconds and kilobytes a megapixel, PSNR against what was encoded):

    JPEG 82        11 ms   43 kB   51.9 dB      (75: 10 ms, 40 kB, 49.0 dB; 85: 11 ms, 45 kB, 53.2 dB)
    WebP method 2  35 ms   31 kB   43.8 dB      (0: 19 ms, 41 kB; 4: 67 ms, 29 kB, 44.0 dB; 6: 106 ms, 28 kB)
    AVIF speed 9   56 ms   28 kB   45.4 dB      (6: 441 ms, 26 kB; 8: 129 ms, 27 kB, 45.1 dB; 10: 65 ms, 28 kB)

Nobody's eyes were asked, and there is no SSIM here.
"""

from enum import StrEnum
from typing import Any


class ImageSize(StrEnum):
    """How large a rendition is; ascending."""

    THUMBNAIL = "THUMBNAIL"
    SMALL = "SMALL"
    MEDIUM = "MEDIUM"
    LARGE = "LARGE"
    FULL = "FULL"


class ImageFormat(StrEnum):
    """What a rendition is encoded as."""

    JPEG = "JPEG"
    WEBP = "WEBP"
    AVIF = "AVIF"


# The longest side, in pixels.
LONGEST = {
    ImageSize.THUMBNAIL: 160,
    ImageSize.SMALL: 400,
    ImageSize.MEDIUM: 800,
    ImageSize.LARGE: 1600,
    ImageSize.FULL: 2560,
}
# What an image needs to be READY, and what follows.
FIRST, LATER = (ImageFormat.JPEG, ImageFormat.WEBP), (ImageFormat.AVIF,)
# One thread an image: the pool runs as many images as there are cores.
ENCODING: dict[ImageFormat, dict[str, Any]] = {
    ImageFormat.JPEG: {"quality": 82, "progressive": True, "optimize": True, "subsampling": "4:2:0"},
    ImageFormat.WEBP: {"quality": 80, "method": 2},
    ImageFormat.AVIF: {"quality": 63, "speed": 9, "max_threads": 1},
}
PLACEHOLDER_LONGEST = 20
PLACEHOLDER_ENCODING: dict[str, Any] = {"quality": 30, "method": 6}


def dimensions(width: int, height: int) -> dict[ImageSize, tuple[int, int]]:
    """The sizes made of an upload of these pixels, ascending; never larger than the upload.

    The first size that the upload does not exceed is made at the upload's own dimensions, and is the last one.
    """
    longest = max(width, height)
    made = {}
    for size, target in LONGEST.items():
        if target >= longest:
            made[size] = (width, height)
            break
        made[size] = (max(1, round(width * target / longest)), max(1, round(height * target / longest)))
    return made
