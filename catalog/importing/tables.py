"""The tables of column names: what dialects/*.toml say of the files of each system."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Variants:
    """How rows of one product belong together.

    `of`: "handle" (rows with the same cell in the column of that field), "parent" (a cell names the parent's SKU or
    `id:` and its id), or "above" (the last row that is no variant). Blank cells of `inherit` are the parent's.
    `names`: whether the options are added to a variant's name, or are in it.
    """

    of: Literal["", "handle", "parent", "above"] = ""
    inherit: tuple[str, ...] = ()
    names: Literal["add", "complete"] = "add"
    # A product with variants below it is none of its own.
    parents_are_products: bool = True
    default_options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """Where a variant's options are: in columns of a name and a value, in lists, or in a pattern within a cell.

    `list`: the sign between the values of a product that is no variant, where its cells list several.
    """

    name: tuple[str, ...] = ()
    value: tuple[str, ...] = ()
    list: str = ""
    names: str = ""
    values: str = ""
    separator: str = "|"
    column: str = ""
    pattern: str = ""

    @property
    def columns(self) -> Sequence[str]:
        """The fields whose cells have options by the pattern."""
        return self.column.split("|") if self.column else ()


@dataclass(frozen=True)
class Attributes:
    """Where attributes are that are no options: in columns of their own, or as names and values in one cell.

    `pairs` is the field of that cell, `between` the sign between pairs, `assigns` that between a name and its value,
    `several` that between several values. `positions`: numbers behind the value, after the same sign, are dropped.
    `ignored` are patterns of names that are left out.
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pairs: str = ""
    between: str = ","
    assigns: str = "="
    several: str = ""
    positions: bool = False
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Categories:
    """How a cell names categories: signs between levels and between several paths; names of roots to leave out."""

    levels: str = ">"
    several: str = ""
    roots: tuple[str, ...] = ()
    # In front of such a sign that is part of a name.
    escape: str = ""
    # Numbers are ids of categories that this file does not name.
    ids: bool = False


@dataclass(frozen=True)
class Dialect:
    """A table of dialects/*.toml, whose README says what each key means."""

    name: str
    columns: Mapping[str, tuple[str, ...]]
    needs: tuple[tuple[str, ...], ...] = ()
    unused: tuple[str, ...] = ()
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    variants: Variants = Variants()
    options: Options = Options()
    attributes: Attributes = Attributes()
    category: Categories = Categories()
    facets: Mapping[str, str] = field(default_factory=dict)
    default: Mapping[str, str] = field(default_factory=dict)
    ignored_if: Mapping[str, str] = field(default_factory=dict)
    unescape: Mapping[str, str] = field(default_factory=dict)
    # "html" is converted to text; "exact" cells stay as they are, and the marks that `formulas` added are removed.
    text: Literal["html", "exact"] = "html"
    decimal: str = ""
    strict_slugs: bool = False
    strict_dates: bool = False
    adds_up: bool = False
    rest_after: str = ""
    note: str = ""


@cache
def dialects() -> tuple[Dialect, ...]:
    """All tables, the plain one last."""
    folder = Path(__file__).with_name("dialects")
    tables = [_dialect(tomllib.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.toml"))]
    return tuple(sorted(tables, key=lambda dialect: not dialect.needs))


def _dialect(table: dict[str, Any]) -> Dialect:
    parts: Mapping[str, type] = {
        **{"variants": Variants, "options": Options},
        **{"attributes": Attributes, "category": Categories},
    }
    values = {name: parts[name](**_frozen(value)) if name in parts else value for name, value in table.items()}
    return Dialect(**_frozen(values))


def _frozen(table: Mapping[str, Any]) -> dict[str, Any]:
    def frozen(value: Any) -> Any:
        if isinstance(value, list):
            return tuple(map(frozen, value))
        return {key: frozen(item) for key, item in value.items()} if isinstance(value, dict) else value

    return {name: frozen(value) for name, value in table.items()}
