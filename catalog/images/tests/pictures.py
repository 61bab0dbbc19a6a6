"""Pictures for tests, good and bad, and helpers that work off their jobs."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

from catalog.images import pipeline
from catalog.models import ImageJob, ProductImage

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 220, 40)


def corners(width: int = 300, height: int = 200) -> Image.Image:
    """Red and green above blue and yellow, so that a rotation shows."""
    image = Image.new("RGB", (width, height))
    half, middle = width // 2, height // 2
    for box, colour in (((0, 0), RED), ((half, 0), GREEN), ((0, middle), BLUE), ((half, middle), YELLOW)):
        image.paste(colour, (*box, box[0] + width - half, box[1] + height - middle))
    return image


def encoded(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    """The file's bytes."""
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def jpeg(width: int = 300, height: int = 200, **options: Any) -> bytes:
    """A JPEG with four coloured corners."""
    return encoded(corners(width, height), **options)


def opened(data: bytes) -> Image.Image:
    """The decoded image."""
    image = Image.open(BytesIO(data))
    image.load()
    return image


def is_near(pixel: Any, colour: tuple[int, ...], within: int = 40) -> bool:
    """Whether two colours look alike."""
    return all(abs(a - b) <= within for a, b in zip(pixel, colour, strict=False))


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG whose header says these pixels, whatever follows it."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def hostile() -> dict[str, bytes]:
    """Files that must end as READY, or refused, or FAILED with a reason."""
    good = {
        "jpeg": jpeg(),
        "png": encoded(corners(), "PNG"),
        "webp": encoded(corners(), "WEBP"),
        "avif": encoded(corners(), "AVIF", speed=10),
    }
    zeros = zlib.compress(bytes(100 << 20))
    corpus = {
        "empty": b"",
        "one byte": b"\xff",
        "text": b"hello" * 100,
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        "gif": encoded(corners(), "GIF"),
        "tiff": encoded(corners(), "TIFF"),
        "bmp": encoded(corners(), "BMP"),
        "jpeg of no pixels": b"\xff\xd8\xff\xc0\x00\x11\x08" + bytes(4) + b"\x03" + bytes(9),
        "png of 2**31 pixels a side": png_of(2**31 - 1, 2**31 - 1, chunk(b"IDAT", b"x")),
        "png, too wide": png_of(20_001, 1, chunk(b"IDAT", b"x")),
        "png, too many pixels": png_of(8000, 8000, chunk(b"IDAT", b"x")),
        "png that inflates far beyond its pixels": png_of(10, 10, chunk(b"IDAT", zeros)),
        "png with a text bomb": png_of(10, 10, chunk(b"zTXt", b"a\0\0" + zeros), chunk(b"IDAT", b"")),
        "png with a profile bomb": png_of(10, 10, chunk(b"iCCP", b"a\0\0" + zeros), chunk(b"IDAT", b"")),
        "png without data": png_of(10, 10),
        "png of a colour that is none": png_of(10, 10, colour=9),
        "jpeg with a huge metadata segment": good["jpeg"][:2] + b"\xff\xe1\xff\xff" + b"x" * 100,
        "jpeg of fill bytes": b"\xff\xd8" + b"\xff" * 100_000,
        "jpeg of empty segments": b"\xff\xd8" + b"\xff\xe0\x00\x02" * 50_000,
        "webp whose canvas is huge": b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff" * 6 + bytes(20),
        "avif of boxes in boxes": b"\0\0\0\x14ftypavif\0\0\0\0avif" + struct.pack(">I", 8008) + b"meta" + bytes(8000),
        "avif whose box has no end": b"\0\0\0\x14ftypavif\0\0\0\0avif\0\0\0\x01meta" + b"\xff" * 8,
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100),
    }
    for name, data in good.items():
        corpus[f"{name}, half"] = data[: len(data) // 2]
        corpus[f"{name}, header only"] = data[:40]
        corpus[f"{name}, tail of zeros"] = data[: len(data) // 2] + bytes(len(data) // 2)
        corpus[f"{name}, then rubbish"] = data + b"rubbish" * 1000
        for other, content in good.items():
            if other != name:
                corpus[f"{name} that goes on as {other}"] = data[:30] + content[30:]
        for step in (5, 17, 61):
            broken = bytearray(data)
            for at in range(30, len(broken), step):
                broken[at] ^= 0x55
            corpus[f"{name}, every {step}th byte wrong"] = bytes(broken)
    return corpus


def work_all() -> None:
    """Does what the worker would, until only removals are left that are due later."""
    waiting = ImageJob.objects.exclude(kind=ImageJob.Kind.REMOVE).exclude(status="FAILED")
    for _ in range(100):
        pipeline.work()
        if not waiting.exists():
            return
    raise AssertionError(list(waiting.values()))


def image_of(product: Any, index: int = 0) -> ProductImage:
    """One of a product's images as it is in the database now."""
    return ProductImage.objects.filter(product=product)[index]
