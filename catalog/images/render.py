"""Bytes → renditions, pure: decode once, orient, sRGB, strip, each size from the last. Runs in the pool's children."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from warnings import catch_warnings

from PIL import AvifImagePlugin, ExifTags, Image, ImageCms, UnidentifiedImageError

from catalog.images.inspect import MAX_SIDE
from catalog.images.sizes import ENCODING, LONGEST, PLACEHOLDER_ENCODING, PLACEHOLDER_LONGEST, dimensions
from catalog.images.sizes import ImageFormat as Format
from catalog.images.sizes import ImageSize as Size

# The caller says how many pixels are too many; Pillow's own guess at it only warns.
Image.MAX_IMAGE_PIXELS = None
# As when encoding: the pool has a process for each core.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
RESAMPLING = Image.Resampling.LANCZOS
# EXIF 2.32 §4.6.4: what brings each orientation upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {TURNS[orientation] for orientation in (5, 6, 7, 8)}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


class NotRendered(Exception):
    """The image cannot be decoded; the message is for its uploader."""


@dataclass(frozen=True)
class Rendered:
    """One encoded rendition."""

    size: Size
    format: Format
    width: int
    height: int
    data: bytes


@dataclass(frozen=True)
class Picture:
    """What became of an upload: its pixels once upright, a tiny preview, the renditions."""

    width: int
    height: int
    placeholder: str
    renditions: list[Rendered]


def render(data: bytes, *, source: str, formats: Iterable[Format], max_pixels: int) -> Picture:
    """The renditions of an upload that `inspect` took for a `source`. Raises NotRendered, MemoryError."""
    formats = tuple(formats)
    upright, width, height = decode(data, source=source, max_pixels=max_pixels)
    renditions = []
    picture = upright
    # From the largest down, each from the last.
    for size, pixels in reversed(dimensions(width, height).items()):
        picture = shrink(picture, pixels)
        renditions += [Rendered(size, format, *pixels, encode(picture, format)) for format in formats]
    return Picture(width, height, _placeholder(picture), renditions)


def decode(data: bytes, *, source: str, max_pixels: int) -> tuple[Image.Image, int, int]:
    """The first frame, upright, in sRGB, as RGB or RGBA without metadata; and the upload's upright dimensions."""
    try:
        # Odd metadata makes Pillow warn, image after image.
        with catch_warnings(action="ignore"), Image.open(BytesIO(data), formats=[source]) as image:
            width, height = image.size
            if width * height > max_pixels or max(width, height) > MAX_SIDE:
                raise NotRendered("The picture has more pixels than its header says.")
            turn = TURNS.get(_orientation(image))
            if source == "JPEG" and (factor := max(width, height) // LONGEST[Size.FULL]) > 1:
                # The decoder halves for a fraction of what decoding all and scaling down would cost.
                image.draft(None, (width // factor, height // factor))
            image.load()
            # A copy lets go of the decoder: those of WebP and AVIF keep the whole picture up to two times more.
            picture = image.copy() if source in ("WEBP", "AVIF") else image
        del image
        if turn is not None:
            picture = picture.transpose(turn)
        upright = _in_srgb(picture, picture.info)
    except (NotRendered, MemoryError):
        raise
    except Exception as error:
        # Whatever a decoder makes of broken bytes: OSError, SyntaxError, ValueError, struct.error, EOFError…
        raise NotRendered(f"The picture cannot be read to its end: it is damaged ({_short(error)}).") from error
    return (upright, height, width) if turn in SIDEWAYS else (upright, width, height)


def shrink(image: Image.Image, pixels: tuple[int, int]) -> Image.Image:
    """The image at these pixels. Alpha is multiplied in meanwhile (Pillow does), so that no edge shines."""
    return image if image.size == pixels else image.resize(pixels, RESAMPLING, reducing_gap=2.0)


def encode(image: Image.Image, format: Format) -> bytes:
    """The encoded bytes, without any metadata; JPEG lies on white."""
    if format is Format.JPEG and image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    out = BytesIO()
    image.save(out, format.value, **ENCODING[format])
    return out.getvalue()


def _placeholder(smallest: Image.Image) -> str:
    """A data: URI of some 100 bytes; the browser scales it up and so blurs it."""
    tiny = smallest.copy()
    tiny.thumbnail((PLACEHOLDER_LONGEST, PLACEHOLDER_LONGEST))
    out = BytesIO()
    tiny.save(out, "WEBP", **PLACEHOLDER_ENCODING)
    return f"data:image/webp;base64,{b64encode(out.getvalue()).decode()}"


def _orientation(image: Image.Image) -> int:
    """What EXIF (or AVIF's own properties) says, 1 when that cannot be read: ImageOps.exif_transpose would raise."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1


def _in_srgb(image: Image.Image, info: dict[Any, Any]) -> Image.Image:
    """The image as RGB or RGBA in sRGB, with nothing of its metadata."""
    has_alpha = image.has_transparency_data
    flat = _eight_bits(image)
    wanted = ("RGBA",) if has_alpha else ("RGB", "L", "CMYK")
    if flat.mode not in wanted:
        flat = flat.convert("RGBA" if has_alpha else "RGB")
    if profile := info.get("icc_profile"):
        flat = _convert(flat, profile)
    if flat.mode not in ("RGB", "RGBA"):
        flat = flat.convert("RGB")
    if flat.mode == "RGBA" and flat.getchannel("A").getextrema() == (255, 255):
        flat = flat.convert("RGB")
    flat.info = {}
    return flat


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit and float greys scaled down instead of cut off."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.mode == "F":
        return image.point(lambda value: value * (1 / 257)).convert("L")
    return image


def _convert(image: Image.Image, profile: bytes) -> Image.Image:
    """By its colour profile to sRGB; a profile that is broken or of another colour space is ignored, as browsers do."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return image
        if image.mode == "RGBA":
            alpha = image.getchannel("A")
            converted = ImageCms.profileToProfile(image.convert("RGB"), source, SRGB, outputMode="RGB")
            assert converted is not None  # noqa: S101  (not in place)
            converted.putalpha(alpha)
            return converted
        return ImageCms.profileToProfile(image, source, SRGB, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image


def _short(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "its content is not what it begins with"
    return " ".join(str(error).split())[:120] or type(error).__name__
