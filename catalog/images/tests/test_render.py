"""Bytes → renditions: upright, in sRGB, sharp, of the right size, with nothing of the metadata."""

from typing import Any

import pytest
from PIL import Image, ImageCms, ImageStat

from catalog.images.render import NotRendered, Picture, render
from catalog.images.sizes import LONGEST_SIDE, ImageFormat, ImageSize
from catalog.images.tests.pictures import BLUE, GREEN, RED, YELLOW, corners, encoded, is_near, jpeg, opened

pytestmark = pytest.mark.slow

ALL = tuple(ImageFormat)
SECRET = b"52.5200N 13.4050E Hauptstrasse 1"


def rendered(data: bytes, source: str = "JPEG", formats: tuple[ImageFormat, ...] = ALL) -> Picture:
    return render(data, source=source, formats=formats, max_pixels=50_000_000)


def files(picture: Picture) -> dict[tuple[ImageSize, ImageFormat], Image.Image]:
    return {(each.size, each.format): opened(each.data) for each in picture.renditions}


def is_upright(image: Image.Image) -> bool:
    image = image.convert("RGB")
    w, h = image.size
    places = ((w // 4, h // 4), (3 * w // 4, h // 4), (w // 4, 3 * h // 4), (3 * w // 4, 3 * h // 4))
    return all(is_near(image.getpixel(at), is_) for at, is_ in zip(places, (RED, GREEN, BLUE, YELLOW), strict=True))


def test_every_size_in_every_format() -> None:
    picture = rendered(jpeg(3000, 2000))
    images = files(picture)
    assert (picture.width, picture.height) == (3000, 2000)
    assert images.keys() == {(size, format) for size in ImageSize for format in ALL}
    for (size, format), image in images.items():
        assert image.format == format
        assert max(image.size) == LONGEST_SIDE[size]
        assert abs(image.size[1] - image.size[0] * 2 / 3) <= 1
        assert is_upright(image)


@pytest.mark.parametrize(
    ("longest", "expected"),
    [
        (1, {"THUMBNAIL": 1}),
        (160, {"THUMBNAIL": 160}),
        (161, {"THUMBNAIL": 160, "SMALL": 161}),
        (1000, {"THUMBNAIL": 160, "SMALL": 400, "MEDIUM": 800, "LARGE": 1000}),
        (1600, {"THUMBNAIL": 160, "SMALL": 400, "MEDIUM": 800, "LARGE": 1600}),
        (2561, {"THUMBNAIL": 160, "SMALL": 400, "MEDIUM": 800, "LARGE": 1600, "FULL": 2560}),
    ],
)
def test_never_enlarged(longest: int, expected: dict[str, int]) -> None:
    picture = rendered(jpeg(longest, max(1, longest // 2)), formats=(ImageFormat.JPEG,))
    assert {each.size.value: each.width for each in picture.renditions} == expected


def test_a_sliver_keeps_one_pixel() -> None:
    picture = rendered(jpeg(3000, 1), formats=(ImageFormat.WEBP,))
    assert {each.height for each in picture.renditions} == {1}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_eight_orientations(orientation: int, format: str) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = corners().transpose(turns[orientation]) if orientation in turns else corners()
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"speed": 10} if format == "AVIF" else {}
    picture = rendered(encoded(stored, format, exif=exif.tobytes(), **options), format)
    assert (picture.width, picture.height) == (300, 200)
    assert all(is_upright(image) and image.getexif().get(0x0112, 1) == 1 for image in files(picture).values())


def test_broken_exif_is_no_reason_to_refuse() -> None:
    assert all(is_upright(image) for image in files(rendered(jpeg(exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))).values())


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_all_metadata_is_stripped(format: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": profile}
    if format != "PNG":
        options["xmp"] = SECRET
    if format == "JPEG":
        options |= {"comment": SECRET, "dpi": (300, 300)}
    data = encoded(corners(), format, **options)
    assert SECRET in data
    for each in rendered(data, format).renditions:
        assert SECRET not in each.data
        assert not {"icc_profile", "exif", "xmp", "comment"} & opened(each.data).info.keys()


def test_another_colour_space_becomes_srgb() -> None:
    """Under a profile whose red is sRGB's green and the other way round, red pixels come out green."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"....").replace(b"gXYZ", b"rXYZ").replace(b"....", b"gXYZ")
    named = swapped.replace("sRGB".encode("utf-16-be"), "Test".encode("utf-16-be"))
    made = rendered(encoded(Image.new("RGB", (50, 50), (250, 0, 0)), "PNG", icc_profile=named), "PNG")
    for image in files(made).values():
        assert is_near(image.convert("RGB").getpixel((9, 9)), (0, 250, 0), 12)


@pytest.mark.parametrize(
    "profile", [b"not a profile", ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()]
)
def test_a_profile_that_is_none_of_rgb_is_ignored(profile: bytes) -> None:
    source = Image.new("RGB", (50, 50), (120, 120, 120))
    for image in files(rendered(encoded(source, "PNG", icc_profile=profile), "PNG")).values():
        assert is_near(image.getpixel((9, 9)), (120, 120, 120), 4)


def test_cmyk() -> None:
    assert all(is_upright(image) for image in files(rendered(encoded(corners().convert("CMYK")))).values())


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "I;16"])
def test_other_modes_come_out_as_they_look(mode: str) -> None:
    grey = Image.linear_gradient("L")
    if mode == "I;16":
        source = Image.new("I;16", grey.size)
        source.putdata([value * 257 for value in grey.get_flattened_data()])
    else:
        source = grey.convert(mode)
    for image in files(rendered(encoded(source, "PNG"), "PNG")).values():
        assert image.mode in ("RGB", "L")
        small = image.convert("L").resize((1, 8), Image.Resampling.BOX)
        levels = list(small.get_flattened_data())
        assert levels == sorted(levels)
        assert levels[0] < 40
        assert levels[-1] > 215


def test_alpha_lies_on_white_in_jpeg_and_stays_elsewhere() -> None:
    source = Image.new("RGBA", (400, 400), (255, 0, 0, 0))
    source.paste((0, 0, 255, 255), (0, 0, 200, 400))
    for (_, format), image in files(rendered(encoded(source, "PNG"), "PNG")).items():
        w, h = image.size
        if format is ImageFormat.JPEG:
            assert is_near(image.getpixel((w - 5, h // 2)), (255, 255, 255), 8)
        else:
            assert image.getpixel((w - 5, h // 2))[3] == 0
            assert is_near(image.getpixel((5, h // 2)), (0, 0, 255, 255), 25)


def test_a_palette_with_transparency_keeps_it() -> None:
    source = Image.new("P", (50, 50), 0)
    source.putpalette([255, 0, 0, 0, 0, 255])
    source.paste(1, (0, 0, 25, 50))
    made = files(rendered(encoded(source, "PNG", transparency=0), "PNG"))
    assert made[ImageSize.THUMBNAIL, ImageFormat.WEBP].getpixel((45, 25))[3] == 0
    assert is_near(made[ImageSize.THUMBNAIL, ImageFormat.JPEG].getpixel((45, 25)), (255, 255, 255), 8)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF"])
def test_the_first_frame_of_an_animation(format: str) -> None:
    options = {"speed": 10} if format == "AVIF" else {}
    frames = [Image.new("RGB", (300, 200), "black")]
    data = encoded(corners(), format, save_all=True, append_images=frames, **options)
    assert all(is_upright(image) for image in files(rendered(data, format)).values())


def test_sharp() -> None:
    """A fine chequerboard keeps its contrast where a blur would leave grey."""
    board = Image.new("L", (100, 100), 0)
    board.putdata([255 * ((x // 5 + y // 5) % 2) for y in range(100) for x in range(100)])
    source = board.resize((3200, 3200), Image.Resampling.NEAREST).convert("RGB")
    for image in files(rendered(encoded(source, "PNG"), "PNG")).values():
        assert ImageStat.Stat(image.convert("L")).stddev[0] > 105


def test_a_large_jpeg_is_decoded_smaller_and_still_exact() -> None:
    picture = rendered(jpeg(8000, 2001), formats=(ImageFormat.JPEG,))
    assert (picture.width, picture.height) == (8000, 2001)
    assert next((each.width, each.height) for each in picture.renditions) == (2560, 640)


def test_the_placeholder_is_tiny() -> None:
    placeholder = rendered(jpeg(), formats=()).placeholder
    assert placeholder.startswith("data:image/webp;base64,")
    assert len(placeholder) < 1000


def test_formats_are_as_promised() -> None:
    made = {each.format: each.data for each in rendered(jpeg(1000, 700)).renditions}
    image = opened(made[ImageFormat.JPEG])
    assert image.info["progressive"]
    assert [part[1:3] for part in image.layer] == [(2, 2), (1, 1), (1, 1)]  # 4:2:0


def test_more_pixels_than_the_header_said() -> None:
    with pytest.raises(NotRendered, match="more pixels"):
        render(jpeg(), source="JPEG", formats=ALL, max_pixels=100)


def test_a_truncated_file_is_refused() -> None:
    data = jpeg(2000, 1500)
    with pytest.raises(NotRendered, match="damaged"):
        rendered(data[: len(data) // 2])
