"""Makes the renditions of an upload. Runs in the children of the pool.

The upload is decoded once, turned upright, converted to sRGB and stripped of metadata; each size is made from the last.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from warnings import catch_warnings

from PIL import AvifImagePlugin, ExifTags, Image, ImageCms, UnidentifiedImageError

from catalog.images.inspect import MAX_SIDE
from catalog.images.sizes import ENCODING, LONGEST_SIDE, PLACEHOLDER_ENCODING, PLACEHOLDER_LONGEST_SIDE, dimensions
from catalog.images.sizes import ImageFormat as Format
from catalog.images.sizes import ImageSize as Size

# Our callers limit the pixels. Pillow's own limit only warns.
Image.MAX_IMAGE_PIXELS = None
# As in sizes.ENCODING: the pool has a process for each core.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
RESAMPLING = Image.Resampling.LANCZOS
# What makes each orientation upright (EXIF 2.32 §4.6.4).
TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {TRANSPOSITIONS[orientation] for orientation in (5, 6, 7, 8)}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


class NotRendered(Exception):
    """The image cannot be decoded. The message is for the person who uploaded it."""


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
    """A rendered upload: its pixels when upright, a tiny preview as a data: URI, the renditions."""

    width: int
    height: int
    placeholder: str
    renditions: list[Rendered]


def render(data: bytes, *, source: str, formats: Iterable[Format], max_pixels: int) -> Picture:
    """Renders an upload that is a `source` by its header. Raises NotRendered or MemoryError."""
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
    """The first frame, upright, in sRGB, as RGB or RGBA without metadata; and the upright width and height."""
    try:
        # Pillow warns of odd metadata in every such image.
        with catch_warnings(action="ignore"), Image.open(BytesIO(data), formats=[source]) as image:
            width, height = image.size
            if width * height > max_pixels or max(width, height) > MAX_SIDE:
                raise NotRendered("The picture has more pixels than its header says.")
            transposition = TRANSPOSITIONS.get(_orientation(image))
            if source == "JPEG" and (factor := max(width, height) // LONGEST_SIDE[Size.FULL]) > 1:
                # The decoder reduces at a fraction of the cost of decoding all and scaling down.
                image.draft(None, (width // factor, height // factor))
            image.load()
            # A copy releases the decoder: those of WebP and AVIF hold one or two more copies of the whole picture.
            picture = image.copy() if source in ("WEBP", "AVIF") else image
        del image
        if transposition is not None:
            picture = picture.transpose(transposition)
        upright = _in_srgb(picture, picture.info)
    except (NotRendered, MemoryError):
        raise
    except Exception as error:
        # Decoders raise anything for broken bytes: OSError, SyntaxError, ValueError, struct.error, EOFError…
        raise NotRendered(
            f"The picture is damaged ({_short(error)}): save it again and upload the new file."
        ) from error
    return (upright, height, width) if transposition in SIDEWAYS else (upright, width, height)


def shrink(image: Image.Image, pixels: tuple[int, int]) -> Image.Image:
    """The image scaled to these pixels. Pillow premultiplies alpha for that, so edges get no halo."""
    return image if image.size == pixels else image.resize(pixels, RESAMPLING, reducing_gap=2.0)


def encode(image: Image.Image, format: Format) -> bytes:
    """The encoded bytes, without metadata. For JPEG, which has no alpha, the background is white."""
    if format is Format.JPEG and image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    out = BytesIO()
    image.save(out, format.value, **ENCODING[format])
    return out.getvalue()


def _placeholder(smallest: Image.Image) -> str:
    """A data: URI of some 100 bytes, which looks blurred when a browser scales it up."""
    tiny = smallest.copy()
    tiny.thumbnail((PLACEHOLDER_LONGEST_SIDE, PLACEHOLDER_LONGEST_SIDE))
    out = BytesIO()
    tiny.save(out, "WEBP", **PLACEHOLDER_ENCODING)
    return f"data:image/webp;base64,{b64encode(out.getvalue()).decode()}"


def _orientation(image: Image.Image) -> int:
    """The orientation by EXIF or AVIF's properties; 1 where they are broken (ImageOps.exif_transpose would raise)."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return 1


def _in_srgb(image: Image.Image, info: dict[Any, Any]) -> Image.Image:
    """The image as RGB or RGBA in sRGB, without metadata."""
    has_alpha = image.has_transparency_data
    flat = _eight_bits(image)
    convertible_modes = ("RGBA",) if has_alpha else ("RGB", "L", "CMYK")
    if flat.mode not in convertible_modes:
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
    """Scales 16-bit and float greys down to 8 bits, where Pillow would clip them."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.mode == "F":
        return image.point(lambda value: value * (1 / 257)).convert("L")
    return image


def _convert(image: Image.Image, profile: bytes) -> Image.Image:
    """Converts from the colour profile to sRGB. Ignores a broken or unsuitable profile, as browsers do."""
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
