"""Untrusted bytes → facts or a refusal, in pure Python."""

import struct
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.images.inspect import MAX_META_BYTES, MAX_STEPS, Facts, ImageRefused, ImageTooLarge, inspect
from catalog.images.tests.pictures import corners, encoded, hostile, jpeg, png_of

SEEDS = [
    jpeg(),
    encoded(corners(), "PNG"),
    encoded(corners(), "WEBP"),
    encoded(corners(), "WEBP", lossless=True),
    encoded(corners(), "AVIF", speed=10),
]


def look(data: bytes, **limits: int) -> Facts:
    return inspect(BytesIO(data), **{"max_pixels": 50_000_000, **limits})


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"icc_profile": b"x" * 200_000, "exif": b"Exif\0\0" + b"x" * 60_000}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0xx"}),
        ("WEBP", {"save_all": True, "append_images": [corners(301, 199)]}),
        ("AVIF", {"speed": 10}),
        ("AVIF", {"speed": 10, "save_all": True, "append_images": [corners(301, 199)]}),
    ],
)
def test_format_and_size_of_every_kind(format: str, options: dict) -> None:
    assert look(encoded(corners(301, 199), format, **options)) == Facts(format, 301, 199)


def test_the_name_counts_for_nothing_the_content_for_all() -> None:
    file = BytesIO(encoded(corners(), "PNG"))
    file.name = "photo.jpg"
    assert inspect(file, max_pixels=10**6).format == "PNG"


def test_jpeg_fill_bytes_and_stand_alone_markers() -> None:
    data = jpeg()
    assert look(data[:2] + b"\xff\xff\xff\xd0\xff\x01" + data[2:]).width == 300


@pytest.mark.parametrize("data", [jpeg(100, 50), encoded(corners(100, 50), "AVIF", speed=10)])
def test_limits(data: bytes) -> None:
    assert look(data, max_pixels=5000).height == 50
    with pytest.raises(ImageTooLarge, match="100 × 50"):
        look(data, max_pixels=4999)
    with pytest.raises(ImageTooLarge, match="on a side"):
        look(data, max_side=99)


def test_pixels_beyond_any_memory() -> None:
    with pytest.raises(ImageTooLarge):
        look(png_of(2**31 - 1, 2**31 - 1))


def test_arithmetic_and_lossless_jpeg_are_refused() -> None:
    for marker in (0xC3, 0xC9):
        with pytest.raises(ImageRefused, match="usual JPEG"):
            look(jpeg().replace(b"\xff\xc0", bytes([0xFF, marker]), 1))


class CountingFile(BytesIO):
    """A file that counts how often it is read, and how many bytes."""

    reads = read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """As BytesIO's."""
        data = super().read(size)
        self.reads, self.read_bytes = self.reads + 1, self.read_bytes + len(data)
        return data


def test_the_hostile_corpus_is_looked_at_in_a_bounded_number_of_reads() -> None:
    for name, data in hostile().items():
        file = CountingFile(data)
        with suppress(ImageRefused):
            inspect(file, max_pixels=50_000_000)
        assert file.reads <= 3 * MAX_STEPS, name
        assert file.read_bytes <= 2 * MAX_META_BYTES, name


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(ImageRefused):
        look(data)


@given(st.sampled_from(SEEDS), st.data())
def test_mutated_images(seed: bytes, data: st.DataObject) -> None:
    broken = bytearray(seed[: data.draw(st.integers(0, 600))])
    for at in data.draw(st.lists(st.integers(0, max(0, len(broken) - 1)), max_size=8)):
        if broken:
            broken[at] = data.draw(st.integers(0, 255))
    try:
        facts = look(bytes(broken))
    except ImageRefused:
        return
    assert 0 < facts.width * facts.height <= 50_000_000


@given(st.lists(st.tuples(st.sampled_from([b"meta", b"iprp", b"ipco", b"ispe", b"mdat"]), st.binary(max_size=30))))
def test_avif_of_any_boxes(boxes: list[tuple[bytes, bytes]]) -> None:
    body = b"".join(struct.pack(">I", 8 + len(data)) + kind + data for kind, data in boxes)
    data = b"\0\0\0\x14ftypavif\0\0\0\0avif" + struct.pack(">I", 12 + len(body)) + b"meta" + bytes(4) + body
    try:
        look(data)
    except ImageRefused:
        return
