"""What the person who imports files decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from catalog.importing.reading import ReadingOptions


class Stock(StrEnum):
    """What the products of a file without quantities get."""

    UNLIMITED = "unlimited"
    NONE = "0"


@dataclass(frozen=True)
class ImportOptions:
    """Without any, everything is recognised by the file itself.

    `mapping` gives columns of the file, by their names, the fields that they fill (catalog.importing.dialects.FIELDS).
    """

    stock: Stock | None = None
    only_update: bool = False
    mapping: Mapping[str, str] = field(default_factory=dict)
    reading: ReadingOptions = field(default_factory=ReadingOptions)


DEFAULTS = ImportOptions()
