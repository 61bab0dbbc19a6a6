"""How the rows of one product's variants belong together: what they inherit, their options, names and slugs."""

import re
from collections import OrderedDict
from collections.abc import Sequence

from catalog.importing.dialects import Layout
from catalog.importing.errors import RefusedError, shown
from catalog.models import NAME_LENGTH
from catalog.slugs import slug_of
from catalog.text import squeeze

# How many parents, and how many characters of their cells, are kept for variants further down the file.
MAX_PARENTS, MAX_CHARACTERS = 20_000, 10_000_000


class Family:
    """The parents of variants, so far as the file was read. The least recently used are forgotten first."""

    def __init__(self, layout: Layout) -> None:
        self._layout, self._how = layout, layout.dialect.variants
        self._parents: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._characters = 0

    def complete(self, values: dict[str, str], role: str) -> bool:
        """Fills the blank cells that a row inherits, and remembers what others inherit from it.

        False when the row is a variant whose parent was not in the file so far.
        """
        if not self._how.of or (role == "skip" and self._how.of != "group"):
            return True
        parent: dict[str, str] = {}
        if self._how.of == "group":
            parent = self._parents.get(values["group"], {})
        elif role == "variant":
            parent = self._parents.get(values.get("parent", "") if self._how.of == "parent" else "", {})
        own = {name: values[name] for name in self._how.inherit if values.get(name)}
        if self._how.of == "group":
            self._keep(values["group"], own | parent)
        elif role != "variant":
            keys = [""] if self._how.of == "above" else [values.get("sku", ""), f"id:{values.get('row_id', '')}"]
            for key in keys:
                if key or self._how.of == "above":
                    kept = {"parent_name": values.get("name", ""), "quantity": values.get("quantity", "")}
                    self._keep(key, own | kept)
        for name in self._how.inherit:
            values[name] = values.get(name) or parent.get(name, "")
        values["parent_name"] = parent.get("parent_name", "")
        if values.get("quantity") == "parent":  # The variants of a parent share its units.
            values["quantity"] = parent.get("quantity", "")
        return role != "variant" or bool(parent)

    def names(self, values: dict[str, str], options: list[str]) -> tuple[str, str, bool]:
        """The product's name and slug, and whether the slug is made of a handle and options."""
        # Some systems give an address instead of a slug.
        base = values.get("group", "") or values.get("slug", "").strip("/").rsplit("/", 1)[-1]
        name = values.get("name", "")
        if "name" in self._layout.at and not name and self._how.of:
            key = values.get("group", "")
            raise RefusedError(
                f"no row up to here gives a {self._layout.title('name')} for the handle {shown(key)}"
                if key
                else f"{self._layout.title('name')} is empty, and no row above gives it"
            )
        complete = self._how.names == "complete" and squeeze(name) != squeeze(values.get("parent_name", ""))
        if options and not complete:
            ending = " – " + " / ".join(options)
            name = squeeze(name)
            if len(name) + len(ending) > NAME_LENGTH > len(ending):
                name = name[: NAME_LENGTH - len(ending) - 1] + "…"
            name = (name + ending) if name else ending.removeprefix(" – ")
        composed = bool(base) and (bool(options) or "group" in values) and not complete
        slug = "-".join(_slug_part(part) for part in (base, *options)) if composed else base
        return name, slug, composed

    def _keep(self, key: str, parent: dict[str, str]) -> None:
        old = self._parents.pop(key, {})
        self._characters += sum(map(len, parent.values())) - sum(map(len, old.values()))
        self._parents[key] = parent
        while len(self._parents) > MAX_PARENTS or (self._characters > MAX_CHARACTERS and len(self._parents) > 1):
            self._characters -= sum(map(len, self._parents.popitem(last=False)[1].values()))


def option_values(layout: Layout, cells: Sequence[str], values: dict[str, str]) -> list[str]:
    """The values of a variant's options. A pattern takes them out of their cell."""
    how = layout.dialect.options
    found = [cells[i] for i in layout.option_values]
    if how.values:
        found += values.get(how.values, "").split(how.separator)
    if how.pattern:
        for column in how.column.split("|"):
            matches = [*re.finditer(how.pattern, values.get(column, ""))]
            found += [
                value for match in matches for key, value in match.groupdict().items() if key[:5] == "value" and value
            ]
            if matches:
                values[column] = ""
    return [squeeze(value) for value in found if value.strip()]


def _slug_part(text: str) -> str:
    return slug_of(text) or "-".join(f"u{ord(c):x}" for c in squeeze(text))
