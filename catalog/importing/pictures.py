"""Attaches local picture files to imported products, in a second pass over the files after the rows are saved."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from django.db import transaction

from catalog.images import services
from catalog.images.models import ALT_LENGTH
from catalog.importing.files import SourceFile
from catalog.importing.identity import identify
from catalog.importing.rows import ProductRow
from catalog.importing.seen_rows import SeenRows
from core.auth.policy import SYSTEM
from core.errors import InvalidInput

# Products are looked up for so many rows at once.
MAX_ROWS = 200
_SEVERAL = re.compile(r"\s*[,;|]\s*(?=https?://)|\s*\|\s*")


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
    rows: list[ProductRow] = field(default_factory=list)
    own: dict[int, str] = field(default_factory=dict)
    """The file names of variants that have a picture of their own, by line."""
    shared: list[tuple[int, str, str]] = field(default_factory=list)
    """The pictures of all variants: position, file name, alternative text."""


def attach_pictures(
    sources: list[SourceFile], folder: Path, *, on_refused: Callable[[str], object] = lambda line: None
) -> Pictures:
    """Uploads the files in the folder that the import's files name. Of a URL it uses the last part, downloads nothing.

    Running it again attaches nothing twice. Calls `on_refused` with a message for each file that cannot be uploaded.
    """
    pictures = Pictures()
    for source in sources:
        for groups in _batches(source):
            ids = _product_ids([row for group in groups for row in group.rows])
            for group in groups:
                for row in group.rows:
                    own = [(0, group.own[row.line], "")] if row.line in group.own else []
                    named: dict[str, str] = {}
                    for _, name, alt in own + sorted(group.shared):
                        named[name] = named.get(name) or alt
                    for name, alt in named.items():
                        _attach(ids.get(row.line), folder / name, alt, pictures, on_refused)
    return pictures


def file_name(value: str) -> str:
    """The last part of a path or URL, without its query; "" when that cannot be a file name."""
    try:
        path = urlsplit(value.strip()).path
    except ValueError:
        return ""
    name = PurePosixPath(unquote(path).replace("\\", "/")).name
    return name if name not in (".", "..") and "\0" not in name else ""


def _product_ids(rows: list[ProductRow]) -> dict[int, int]:
    """The ids of the rows' products, by line. A row that was refused has none."""
    with closing(SeenRows()) as seen, transaction.atomic():
        accepted = identify(rows, seen, with_skus=False, why_no_new="it has no picture").accepted
    return {row.line: product.pk for row, _, product in accepted if product is not None}


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


def _batches(source: SourceFile) -> Iterator[list[_Group]]:
    batch: list[_Group] = []
    size = 0
    for group in _groups(source):
        batch.append(group)
        size += len(group.rows)
        if size >= MAX_ROWS:
            yield batch
            batch, size = [], 0
    yield batch


def _groups(source: SourceFile) -> Iterator[_Group]:
    group = _Group()
    for read in source.reader().rows(source.records()):
        if read.refused:
            continue
        handle = read.values.get("handle", "") or str(read.record.line)
        if handle != group.handle:
            yield group
            group = _Group(handle)
        if read.row is not None:
            group.rows.append(read.row)
        _add_pictures(group, read.values, read.row)
    yield group


def _add_pictures(group: _Group, values: dict[str, str], row: ProductRow | None) -> None:
    """Adds the pictures that a row names to its group."""
    if row is not None and (own := file_name(values.get("image_own", ""))):
        group.own[row.line] = own
    position = values.get("image_position", "")
    for name in map(file_name, _SEVERAL.split(values.get("image", ""))):
        if name:
            order = int(position) if position.isascii() and position.isdigit() and len(position) < 6 else None
            group.shared.append((len(group.shared) if order is None else order, name, values.get("image_alt", "")))
