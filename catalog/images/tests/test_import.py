"""`import_products --images` attaches local files."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from catalog.images.tests.pictures import jpeg
from catalog.importing.pictures import file_name
from catalog.models import Product, ProductImage

pytestmark = pytest.mark.django_db(transaction=True)

SHOPIFY = """Handle,Title,Vendor,Type,Option1 Value,Variant Price,Image Src,Image Position,Image Alt Text,Variant Image
shirt,Shirt,Acme,Tops,Blue,10,https://cdn.example.com/files/back%20side.jpg?v=12,2,The back,
shirt,,,,Red,11,https://cdn.example.com/files/front.jpg,1,The front,https://cdn.example.com/red.jpg
shirt,,,,,,https://cdn.example.com/gone.jpg,3,,
hat,Hat,Acme,Tops,,5,,,,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some pictures and what is none."""
    for n, name in enumerate(("front.jpg", "back side.jpg", "red.jpg", "lamp.jpg")):
        (tmp_path / name).write_bytes(jpeg(100 + n))
    (tmp_path / "text.jpg").write_text("no picture")
    return tmp_path


def run(folder: Path, csv: str, *options: str) -> tuple[str, str]:
    """What is said, and what is complained of."""
    (folder / "products.csv").write_text(csv)
    out, err = StringIO(), StringIO()
    call_command("import_products", folder / "products.csv", *options, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_shopify(folder: Path) -> None:
    said, _ = run(folder, SHOPIFY, "--images", str(folder))
    assert f"5 pictures attached, 0 there already, 2 not in {folder}, 0 refused" in said
    blue = Product.objects.get(slug="shirt-blue").images.values_list("alt", "width")
    assert list(blue) == [("The front", 100), ("The back", 101)]
    red = Product.objects.get(slug="shirt-red").images.values_list("alt", "width")
    assert list(red) == [("", 102), ("The front", 100), ("The back", 101)]
    said, _ = run(folder, SHOPIFY, "--images", str(folder))
    assert "0 pictures attached, 5 there already" in said


def test_plain(folder: Path) -> None:
    csv = "name,price,image\nLamp,1,lamp.jpg\nText,1,text.jpg\nTwice,1,../../lamp.jpg\nNone,1,\nGone,1,x.jpg\n"
    said, complained = run(folder, csv, "--images", str(folder))
    assert "2 pictures attached, 0 there already, 1 not in" in said
    assert "text.jpg: This is not a picture" in complained
    assert "unknown columns" not in complained


def test_only_when_asked(folder: Path) -> None:
    run(folder, SHOPIFY)
    assert not ProductImage.objects.exists()
    said, _ = run(folder, SHOPIFY, "--images", str(folder), "--dry-run")
    assert "pictures" not in said
    with pytest.raises(CommandError, match="is not a folder"):
        run(folder, SHOPIFY, "--images", str(folder / "nowhere"))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("a.jpg", "a.jpg"),
        ("https://x/y/a%20b.jpg?v=1#z", "a b.jpg"),
        ("C:\\photos\\a.jpg", "a.jpg"),
        ("https://x/%2e%2e%2f%2e%2e%2fetc/passwd", "passwd"),
        ("..", ""),
        ("https://x/..", ""),
        ("https://x/", ""),
        ("http://[broken", ""),
        ("a%00.jpg", ""),
        ("", ""),
    ],
)
def test_file_names(value: str, name: str) -> None:
    assert file_name(value) == name
