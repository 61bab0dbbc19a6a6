"""Which renditions are made, and the settings of their encoders. Imports nothing of ours.

`python -m bench.encoders FOLDER` measures other settings. Of 12 photos of 1600 × 1067 pixels
(Pillow 13, one core; milliseconds and kilobytes per megapixel, PSNR against the encoder's input):

    JPEG 82        11 ms   43 kB   51.9 dB      (75: 10 ms, 40 kB, 49.0 dB; 85: 11 ms, 45 kB, 53.2 dB)
    WebP method 2  35 ms   31 kB   43.8 dB      (0: 19 ms, 41 kB; 4: 67 ms, 29 kB, 44.0 dB; 6: 106 ms, 28 kB)
    AVIF speed 9   56 ms   28 kB   45.4 dB      (6: 441 ms, 26 kB; 8: 129 ms, 27 kB, 45.1 dB; 10: 65 ms, 28 kB)

PSNR is the only measure of quality here: there is no SSIM, and nobody has compared the pictures by eye.
"""

from enum import StrEnum
from typing import Any


class ImageSize(StrEnum):
    """The sizes of renditions, ascending."""

    THUMBNAIL = "THUMBNAIL"
    SMALL = "SMALL"
    MEDIUM = "MEDIUM"
    LARGE = "LARGE"
    FULL = "FULL"


class ImageFormat(StrEnum):
    """The formats of renditions."""

    JPEG = "JPEG"
    WEBP = "WEBP"
    AVIF = "AVIF"


# The longest side in pixels.
LONGEST_SIDE = {
    ImageSize.THUMBNAIL: 160,
    ImageSize.SMALL: 400,
    ImageSize.MEDIUM: 800,
    ImageSize.LARGE: 1600,
    ImageSize.FULL: 2560,
}
# The formats that make an image READY, and those that follow.
FIRST, LATER = (ImageFormat.JPEG, ImageFormat.WEBP), (ImageFormat.AVIF,)
# One thread for each image: the pool has a process for each core.
ENCODING: dict[ImageFormat, dict[str, Any]] = {
    ImageFormat.JPEG: {"quality": 82, "progressive": True, "optimize": True, "subsampling": "4:2:0"},
    ImageFormat.WEBP: {"quality": 80, "method": 2},
    ImageFormat.AVIF: {"quality": 63, "speed": 9, "max_threads": 1},
}
PLACEHOLDER_LONGEST_SIDE = 20
PLACEHOLDER_ENCODING: dict[str, Any] = {"quality": 30, "method": 6}


def dimensions(width: int, height: int) -> dict[ImageSize, tuple[int, int]]:
    """The sizes to make from an upload of this width and height in pixels, ascending; none exceeds the upload.

    The last one is the first size that is at least as large as the upload. It has the upload's own dimensions.
    """
    longest = max(width, height)
    pixels = {}
    for size, target in LONGEST_SIDE.items():
        if target >= longest:
            pixels[size] = (width, height)
            break
        pixels[size] = (max(1, round(width * target / longest)), max(1, round(height * target / longest)))
    return pixels
