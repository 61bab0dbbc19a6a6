"""Attaches local picture files to imported products: a second pass over the files, after their rows are in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from catalog.images import services
from catalog.images.models import ALT_LENGTH
from catalog.importing import plain, shopify
from catalog.importing.files import SourceFile
from catalog.importing.rows import RefusedError, shown
from catalog.models import Product
from core.auth.policy import SYSTEM
from core.errors import InvalidInput


@dataclass
class Pictures:
    """What became of the pictures that the files name."""

    attached: int = 0
    there: int = 0
    missing: int = 0
    refused: int = 0


@dataclass
class _Group:
    """Adjacent rows of one product line: Shopify gives its pictures on whichever of its rows has room."""

    handle: str = ""
    own: dict[str, str] = field(default_factory=dict)
    """A product's slug → the file that only this variant shows."""
    slugs: list[str] = field(default_factory=list)
    shared: list[tuple[int, str, str]] = field(default_factory=list)
    """Position, file name, alternative text."""


def attach_pictures(
    sources: list[SourceFile], folder: Path, *, on_refused: Callable[[str], object] = lambda line: None
) -> Pictures:
    """Uploads the files in the folder that the CSV files name (an address counts by its last part; none is fetched).

    Run again it attaches nothing twice. `on_refused` hears, in words, of each file that is no picture or one too many.
    """
    pictures = Pictures()
    for source in sources:
        for group in _groups(source):
            ids = dict(Product.objects.filter(slug__in=group.slugs).values_list("slug", "id"))
            for slug in group.slugs:
                own = [(0, group.own[slug], "")] if slug in group.own else []
                named: dict[str, str] = {}
                for _, name, alt in own + sorted(group.shared):
                    named[name] = named.get(name) or alt
                for name, alt in named.items():
                    _attach(ids.get(slug), folder / name, alt, pictures, on_refused)
    return pictures


def file_name(value: str) -> str:
    """The last part of a path or address, without its query; "" when there is none that a folder can hold."""
    try:
        path = urlsplit(value.strip()).path
    except ValueError:
        return ""
    name = PurePosixPath(unquote(path).replace("\\", "/")).name
    return name if name not in (".", "..") and "\0" not in name else ""


def _attach(product: int | None, path: Path, alt: str, pictures: Pictures, on_refused: Callable[[str], object]) -> None:
    if product is None:
        return
    try:
        if not path.is_file():
            pictures.missing += 1
            return
        with path.open("rb") as file:
            upload = services.image_upload(actor=SYSTEM, product_id=product, file=file, alt=alt[:ALT_LENGTH])
    except (InvalidInput, OSError) as error:
        pictures.refused += 1
        on_refused(f"{path}: {error}")
        return
    if upload.is_new:
        pictures.attached += 1
    else:
        pictures.there += 1


def _groups(source: SourceFile) -> Iterator[_Group]:
    form = source.form()
    names = [name.strip().lower() for name in source.header]
    is_shopify = isinstance(form, shopify.ShopifyForm)
    if is_shopify:
        names = [shopify.ALIASES.get(name, name) for name in names]
    at = {name: position for position, name in reversed(list(enumerate(names)))}
    group = _Group()
    for record in source.records():
        if record.problem:
            continue
        try:
            row = form.row(record.line, record.cells)
        except RefusedError:
            continue
        said = {name: record.cells[position].strip() for name, position in at.items()}
        handle = said["handle"] if is_shopify else shown(str(record.line))
        if handle != group.handle:
            yield group
            group = _Group(handle)
        if row is not None:
            group.slugs.append(row.slug)
        _note(group, said, row.slug if row is not None else None, is_shopify=is_shopify)
    yield group


def _note(group: _Group, said: dict[str, str], slug: str | None, *, is_shopify: bool) -> None:
    """Takes down which pictures a row names."""
    if not is_shopify:
        if name := file_name(said.get(plain.IMAGE, "")):
            group.shared.append((0, name, ""))
        return
    own, shared = (file_name(said.get(column, "")) for column in shopify.IMAGES)
    if own and slug is not None:
        group.own[slug] = own
    if shared:
        position = said.get(shopify.IMAGE_POSITION, "")
        order = int(position) if position.isascii() and position.isdigit() and len(position) < 6 else len(group.shared)
        group.shared.append((order, shared, said.get(shopify.IMAGE_ALT, "")))
