"""Which of the tables of column names a file's header is written in, and where the columns of each field are."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from catalog.importing.attribute_names import AttributeName, named
from catalog.importing.reading import FileRefusedError
from catalog.importing.tables import Dialect, dialects
from catalog.text import squeeze

# What `--map` may name: the fields of a product, and what makes its price.
FIELDS = (
    *("name", "slug", "sku", "description", "category", "brand", "price", "sale_price", "compare_at_price"),
    *("quantity", "unlimited_stock", "rating", "is_active", "created_at", "image", "group"),
)
# And any attribute, by what its column would be called.
FIELDS_AND_ATTRIBUTES = (*FIELDS, "attribute: NAME")
# The fields by which a row names a product that exists.
KEYS = ("slug", "sku", "handle")
OPTION_NAME, OPTION_VALUE = "option name ", "option value "
_PLACEHOLDERS = {"{n}": r"(?P<n>\d+)", "{language}": r"[a-z]{2}(?: [a-z]{2})?"}


class AttributeColumn(NamedTuple):
    """A column whose cells are values of one attribute. Those of a dialect's own table may be options."""

    place: int
    name: AttributeName
    is_option: bool


@dataclass(frozen=True)
class Layout:
    """A dialect and the places of its fields' columns in a file's header, for each field those to prefer first."""

    dialect: Dialect
    header: tuple[str, ...]
    at: Mapping[str, tuple[int, ...]]
    unknown: tuple[int, ...]
    attributes: tuple["AttributeColumn", ...] = ()
    options: tuple[str, ...] = ()
    """The numbers of the columns "option name N" and "option value N"."""
    locations: tuple[int, ...] = ()
    """Columns of quantities, one for each location."""
    surplus: tuple[tuple[int, int], ...] = ()
    """Columns that were not taken, each with the one that was taken in its place."""

    def has(self, *names: str) -> bool:
        """Whether the file has a column for one of these fields."""
        return any(map(self.at.__contains__, names))

    def title(self, name: str) -> str:
        """What the file calls the column of a field."""
        return self._titles.get(name, name)

    def values(self, cells: Sequence[str]) -> dict[str, str]:
        """For each field its first cell that is not blank, else ""."""
        values = {name: cells[i].strip() for name, i in self._single}
        for name, places in self._several:
            values[name] = next((cell for i in places if (cell := cells[i].strip())), "")
        return values

    @cached_property
    def _titles(self) -> dict[str, str]:
        return {name: self.header[places[0]].strip() for name, places in self.at.items()}

    @cached_property
    def _single(self) -> list[tuple[str, int]]:
        return [(name, places[0]) for name, places in self.at.items() if len(places) == 1]

    @cached_property
    def _several(self) -> list[tuple[str, tuple[int, ...]]]:
        return [(name, places) for name, places in self.at.items() if len(places) > 1]

    @property
    def num_known(self) -> int:
        """How many columns of the file have a name that the dialect knows."""
        known = (len(places) for name, places in self.at.items() if not name.startswith((OPTION_NAME, OPTION_VALUE)))
        return sum(known) - len(self.locations)

    @property
    def has_attributes(self) -> bool:
        """Whether a row may say something about attributes."""
        how = self.dialect
        named = bool(self.options and how.options.name) or (bool(how.options.names) and self.has(how.options.names))
        in_cells = self.has(how.attributes.pairs) or (bool(how.options.pattern) and self.has(*how.options.columns))
        return bool(self.attributes) or named or in_cells

    @property
    def can_create(self) -> bool:
        """Whether a row says enough for a new product. Otherwise the file only updates."""
        return self.has("name") and self.has("price")

    @property
    def lacks_quantities(self) -> bool:
        """Whether the file creates products and says nothing about how many there are."""
        return self.can_create and not self.has("quantity", "available", "unlimited_stock")

    def description(self) -> str:
        """Which dialect the file is in and by which columns that was seen, for the summary."""
        needs = next((names for names in self.dialect.needs if all(map(self.has, names))), ())
        names = [self.title(name) for name in needs] or [self.header[i].strip() for (i, *_) in self.at.values()]
        return f"{self.dialect.name}, recognised by {_columns(names)}"


def layout_of(path: Path, header: Sequence[str], mapping: Mapping[str, str]) -> Layout:
    """The layout of a file with this header. Raises FileRefusedError when it is none of a product file."""
    layouts = [_place(dialect, header, mapping) for dialect in dialects()]
    possible = [each for each in layouts if any(all(map(each.has, names)) for names in each.dialect.needs or [()])]
    best = max(possible, key=lambda each: (each.can_create, bool(each.dialect.needs), each.num_known))
    _check_mapping(path, header, mapping)
    for name, places in best.at.items():
        if name.startswith((OPTION_NAME, OPTION_VALUE)):
            continue
        names = [normal_name(header[i]) for i in places]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise FileRefusedError(f"{path} has the column {repeated[0]} more than once.")
    updates = best.has(*KEYS) and (bool(best.attributes) or any(best.has(name) for name in FIELDS if name not in KEYS))
    if not (best.can_create or updates):
        given = ", ".join(repr(cell.strip()[:40]) for cell in header[:20] if cell.strip())
        raise FileRefusedError(
            f"{path} has no header of a product file: it needs at least the columns name and price, or sku or slug "
            f"and what to change. It has {given or 'none'}. If a column has another name, say which field it is: "
            '--map "Their column=price".'
        )
    return best


def known(cells: Sequence[str], mapping: Mapping[str, str]) -> int:
    """How many of these cells are column names that a dialect or the mapping knows: the most of any dialect."""
    names = {normal_name(cell) for cell in cells[:200]} - {""}
    mapped = names & set(map(normal_name, mapping))
    attributes = {name for name in names - mapped if named(name)}
    rest = names - mapped - attributes
    return len(mapped | attributes) + max(sum(1 for name in rest if _field_of(each, name)) for each in dialects())


def is_target(name: str) -> bool:
    """Whether a column can be mapped to this: a field, or an attribute such as "attribute: Colour"."""
    return name in FIELDS or named(name) is not None


def normal_name(cell: str) -> str:
    """A column's name without case, underscores, hyphens, marks of required columns and the prefix of feeds."""
    return squeeze(re.sub(r"[_\-]", " ", cell.replace("\ufeff", "")).lower()).removeprefix("g:").strip(" *:#?")


def _place(dialect: Dialect, header: Sequence[str], mapping: Mapping[str, str]) -> Layout:
    names = [normal_name(cell) for cell in header]
    mapped = {normal_name(column): name for column, name in mapping.items()}
    at: dict[str, list[tuple[int, int]]] = {}
    attributes, unknown = [], []
    for i, name in enumerate(names):
        if attribute := named(mapped.get(name, header[i])):
            attributes.append(AttributeColumn(i, attribute, is_option=False))
        elif name in mapped:
            at.setdefault(mapped[name], []).append((-1, i))
        elif found := _field_of(dialect, name) or _option_of(dialect, name):
            at.setdefault(found[0], []).append((found[1], i))
        elif own := _attribute_of(dialect, name):
            attributes.append(AttributeColumn(i, AttributeName(own), is_option=True))
        elif name and not any(fnmatchcase(name, pattern) for pattern in dialect.unused):
            unknown.append(i)
    surplus: list[tuple[int, int]] = []
    for field_name, pairs in at.items():
        pairs.sort()
        # What a person has mapped counts alone. Plain headings are guessed, so two of one field must not mix.
        one = not dialect.needs and field_name != "description"
        keep = sum(rank < 0 for rank, _ in pairs) or (1 if one else len(pairs))
        taken = pairs[0][1]
        left = [i for _, i in pairs[keep:] if names[i] != names[taken]]
        surplus += [(i, taken) for i in left]
        at[field_name] = [pair for pair in pairs if pair[1] not in left]
    locations: list[int] = []
    if dialect.rest_after and dialect.rest_after in names:
        locations = [i for i in unknown if i > names.index(dialect.rest_after)]
        at["quantity"] = [(0, i) for i in locations]
    places = {name: tuple(i for _, i in sorted(found)) for name, found in at.items() if found}
    unknown = [i for i in unknown if i not in locations]
    guessed = not dialect.needs and "group" not in mapped.values()
    if guessed and not attributes and {"group", "name", "price"} <= places.keys():
        # Without attributes all products of a group would be the same. It groups something else.
        unknown = sorted([*unknown, *places.pop("group")])
    numbers = tuple(sorted(name.removeprefix(OPTION_VALUE) for name in places if name.startswith(OPTION_VALUE)))
    return Layout(
        dialect, tuple(header), places, tuple(unknown), tuple(attributes), numbers, tuple(locations), tuple(surplus)
    )


def _option_of(dialect: Dialect, name: str) -> tuple[str, int] | None:
    """The field of a column with the name or the values of the options of one number."""
    for field_name, aliases in ((OPTION_NAME, dialect.options.name), (OPTION_VALUE, dialect.options.value)):
        for rank, alias in enumerate(aliases):
            if match := re.fullmatch(_pattern(alias), name):
                return field_name + match["n"], rank
    return None


def _attribute_of(dialect: Dialect, name: str) -> str:
    """The attribute whose own column this is in the dialect, or ""."""
    return next((attribute for attribute, aliases in dialect.attributes.columns.items() if name in aliases), "")


def _field_of(dialect: Dialect, name: str) -> tuple[str, int] | None:
    """The field of a column with this name, and how much it is preferred (0: most)."""
    exact, patterns = _aliases(dialect.name)
    if found := exact.get(name):
        return found
    return next((place for pattern, place in patterns if pattern.fullmatch(name)), None)


@cache
def _aliases(dialect_name: str) -> tuple[dict[str, tuple[str, int]], list[tuple[re.Pattern[str], tuple[str, int]]]]:
    (dialect,) = (each for each in dialects() if each.name == dialect_name)
    exact: dict[str, tuple[str, int]] = {}
    patterns = []
    for name, aliases in dialect.columns.items():
        for rank, alias in enumerate(aliases):
            if "{" in alias:
                patterns.append((re.compile(_pattern(alias)), (name, rank)))
            else:
                exact[normal_name(alias)] = (name, rank)
    return exact, patterns


def _pattern(alias: str) -> str:
    pattern = re.escape(alias).replace(r"\{", "{").replace(r"\}", "}").replace(r"\ ", " ")
    for placeholder, regex in {**_PLACEHOLDERS, "{currency}": settings.CURRENCY.lower()}.items():
        pattern = pattern.replace(placeholder, regex)
    return pattern


def _check_mapping(path: Path, header: Sequence[str], mapping: Mapping[str, str]) -> None:
    names = {normal_name(cell) for cell in header}
    for column, name in mapping.items():
        if not is_target(name):
            there = ", ".join(FIELDS_AND_ATTRIBUTES)
            raise FileRefusedError(f"There is no field {name!r} to map a column to. There are {there}.")
        if normal_name(column) not in names:
            raise FileRefusedError(f"{path} has no column {column!r}. It has {', '.join(map(repr, header[:50]))}.")


def _columns(names: Sequence[str]) -> str:
    return f"the column{'s' if len(names) > 1 else ''} {', '.join(names)}"
