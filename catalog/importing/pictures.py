"""Attaches local picture files to imported products, in a second pass over the CSV files after the rows are saved."""

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
    """How many of the pictures that the files name were attached, or why they were not."""

    attached: int = 0
    known: int = 0
    missing: int = 0
    refused: int = 0


@dataclass
class _Group:
    """Adjacent rows of one handle. Shopify writes the pictures of a handle into any of its rows."""

    handle: str = ""
    slugs: list[str] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)
    """The file names of variants that have a picture of their own, by slug."""
    shared: list[tuple[int, str, str]] = field(default_factory=list)
    """The pictures of all variants: position, file name, alternative text."""


def attach_pictures(
    sources: list[SourceFile], folder: Path, *, on_refused: Callable[[str], object] = lambda line: None
) -> Pictures:
    """Uploads the files in the folder that the CSV files name. Of a URL it uses the last part and downloads nothing.

    Running it again attaches nothing twice. Calls `on_refused` with a message for each file that cannot be uploaded.
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
    """The last part of a path or URL, without its query; "" when that cannot be a file name."""
    try:
        path = urlsplit(value.strip()).path
    except ValueError:
        return ""
    name = PurePosixPath(unquote(path).replace("\\", "/")).name
    return name if name not in (".", "..") and "\0" not in name else ""


def _attach(
    product_id: int | None, path: Path, alt: str, pictures: Pictures, on_refused: Callable[[str], object]
) -> None:
    if product_id is None:
        return
    try:
        if not path.is_file():
            pictures.missing += 1
            return
        with path.open("rb") as file:
            upload = services.image_upload(actor=SYSTEM, product_id=product_id, file=file, alt=alt[:ALT_LENGTH])
    except (InvalidInput, OSError) as error:
        pictures.refused += 1
        on_refused(f"{path}: {error}")
        return
    if upload.is_new:
        pictures.attached += 1
    else:
        pictures.known += 1


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
        cells = {name: record.cells[position].strip() for name, position in at.items()}
        handle = cells["handle"] if is_shopify else shown(str(record.line))
        if handle != group.handle:
            yield group
            group = _Group(handle)
        if row is not None:
            group.slugs.append(row.slug)
        _add_pictures(group, cells, row.slug if row is not None else None, is_shopify=is_shopify)
    yield group


def _add_pictures(group: _Group, cells: dict[str, str], slug: str | None, *, is_shopify: bool) -> None:
    """Adds the pictures that a row names to its group."""
    if not is_shopify:
        if name := file_name(cells.get(plain.IMAGE, "")):
            group.shared.append((0, name, ""))
        return
    own, shared = (file_name(cells.get(column, "")) for column in shopify.IMAGES)
    if own and slug is not None:
        group.own[slug] = own
    if shared:
        position = cells.get(shopify.IMAGE_POSITION, "")
        order = int(position) if position.isascii() and position.isdigit() and len(position) < 6 else len(group.shared)
        group.shared.append((order, shared, cells.get(shopify.IMAGE_ALT, "")))
