"""Columns of attributes: `attribute: Width (cm)`, or in the export `attribute: Width [width, number, cm]`."""

import re
from dataclasses import dataclass

from catalog.attributes.models import Attribute, AttributeKind
from catalog.importing.reading.table import CONTROL
from catalog.text import squeeze

_COLUMN = re.compile(r"attribute\s*:\s*(?P<name>\S.*)", re.IGNORECASE)
_EXACT = re.compile(r"(?P<name>.*) \[(?P<slug>[^\s,\[\]]+), (?P<kind>text|number|yes or no)(?:, (?P<unit>.*))?\]")
_UNIT = re.compile(r"(?P<name>.*\S)\s*\((?P<unit>[^()]{1,20})\)")
KINDS = {kind.label: kind for kind in AttributeKind}


@dataclass(frozen=True, slots=True)
class AttributeName:
    """An attribute as a column or a cell names it. Only the export says more than the name."""

    name: str
    slug: str = ""
    kind: AttributeKind | None = None
    unit: str = ""

    def without_unit(self) -> tuple[str, str]:
        """The name without a unit in brackets at its end, and this unit, or ""."""
        match = _UNIT.fullmatch(self.name)
        return (match["name"], squeeze(match["unit"])) if match else (self.name, "")


def named(cell: str) -> AttributeName | None:
    """The attribute of a column with this heading; None when it is a column of something else."""
    match = _COLUMN.fullmatch(squeeze(cell))
    if match is None:
        return None
    exact = _EXACT.fullmatch(match["name"])
    if exact is None:
        return AttributeName(match["name"])
    return AttributeName(_plain(exact["name"]), exact["slug"], KINDS[exact["kind"]], _plain(exact["unit"] or ""))


def heading(attribute: Attribute) -> str:
    """The heading of an attribute's column in the export."""
    parts = [attribute.slug, AttributeKind(attribute.kind).label]
    if unit := _escaped(attribute.unit):
        parts.append(unit)
    return f"attribute: {_escaped(attribute.name) or attribute.slug} [{', '.join(parts)}]"


def readable(code: str) -> str:
    """The name of an attribute that a system calls by a code: "shoe_size" is "Shoe size"."""
    name = squeeze(code.replace("_", " "))
    return name[:1].upper() + name[1:] if name.islower() else name


def _escaped(text: str) -> str:
    # A heading is read without control characters.
    return re.sub(r"([\\\[])", r"\\\1", squeeze(CONTROL.sub(" ", text)))


def _plain(text: str) -> str:
    return re.sub(r"\\([\\\[])", r"\1", text)
