"""The attributes of a row as its cells give them: columns, lists, and names and values in one cell."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from catalog.importing.attribute_names import AttributeName, readable
from catalog.importing.cell_lists import VALUES, divided
from catalog.importing.dialects import Layout
from catalog.importing.variants import LISTED, Option
from catalog.text import squeeze


@dataclass(frozen=True, slots=True)
class Given:
    """What a row gives for one attribute. Without texts its product has no value of it."""

    name: AttributeName
    texts: list[str]
    is_option: bool = False


def listed(layout: Layout, options: Iterable[Option]) -> dict[str, str]:
    """The attributes of a product that is no variant, as values of the row that its variants inherit."""
    return {LISTED + name: value for name, value in options if name} if layout.dialect.options.list else {}


def given_in(
    layout: Layout, cells: Sequence[str], values: dict[str, str], labels: Mapping[str, str]
) -> Iterator[Given]:
    """The attributes of a row that are no options. `labels` are the names of attributes that cells name by codes."""
    how = layout.dialect.attributes
    for column in layout.attributes:
        # A system's own columns have one value.
        texts = [squeeze(cells[column.place])] if column.is_option else divided(cells[column.place], VALUES)
        yield Given(column.name, [text for text in texts if text], column.is_option)
    if sign := layout.dialect.options.list:
        for name, cell in values.items():
            if name.startswith(LISTED):
                # A sign that is part of a value has a backslash before it.
                texts = [text.replace(f"\\{sign}", sign) for text in re.split(rf"(?<!\\){re.escape(sign)}", cell)]
                yield Given(AttributeName(name.removeprefix(LISTED)), [text for text in map(squeeze, texts) if text])
    if how.pairs:
        for name, value in _pairs(layout, values.get(how.pairs, "")):
            texts = value.split(how.several) if how.several else [value]
            name = labels.get(name) or readable(name)
            yield Given(AttributeName(name), [text for text in map(squeeze, texts) if text])


def _pairs(layout: Layout, cell: str) -> Iterator[tuple[str, str]]:
    how = layout.dialect.attributes
    between, assigns = re.escape(how.between), re.escape(how.assigns)
    for pair in re.split(f"{between}(?=[^{between}{assigns}]+{assigns})", cell):
        name, sign, value = pair.partition(how.assigns)
        name = squeeze(name)
        if not sign or not name or name.lower() in layout.dialect.facets:
            continue
        if any(fnmatchcase(name.lower(), pattern) for pattern in how.ignored):
            continue
        if how.positions:
            value = re.sub(rf"(?<=.)(?:{assigns}[0-9]*){{1,2}}$", "", value, count=1)
        yield name, value.strip().strip('"')
