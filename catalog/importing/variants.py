"""How the rows of one product's variants belong together: what they inherit, their options, names and slugs."""

import re
from collections import OrderedDict
from itertools import zip_longest
from typing import NamedTuple

from catalog.importing.dialects import OPTION_NAME, OPTION_VALUE, Layout
from catalog.importing.errors import RefusedError, shown
from catalog.models import NAME_LENGTH
from catalog.slugs import slug_of
from catalog.text import squeeze

# How many parents, and how many characters of their cells, are kept for variants further down the file.
MAX_PARENTS, MAX_CHARACTERS = 20_000, 10_000_000
# The attributes of a parent whose variants do not say theirs: "attribute " and the name.
LISTED = "attribute "


class Family:
    """The parents of variants, so far as the file was read. The least recently used are forgotten first."""

    def __init__(self, layout: Layout) -> None:
        self._layout, self._how = layout, layout.dialect.variants
        # The names of options stand in the first row of a handle only.
        names = [OPTION_NAME + n for n in layout.options] if self._how.of == "handle" else []
        self._option_names = [*names, layout.dialect.options.names] if layout.dialect.options.names else names
        self.inherited = tuple(dict.fromkeys([*self._how.inherit, *self._option_names]))
        self._parents: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._characters = 0

    def complete(self, values: dict[str, str], role: str) -> bool:
        """Fills the blank cells that a row inherits, and remembers what others inherit from it.

        False when the row is a variant whose parent was not in the file so far.
        """
        if not self._how.of or (role == "skip" and self._how.of != "handle"):
            return True
        parent: dict[str, str] = {}
        if self._how.of == "handle":
            parent = self._parents.get(values["handle"], {})
        elif role == "variant":
            parent = self._parents.get(values.get("parent", "") if self._how.of == "parent" else "", {})
        own = {name: values[name] for name in self.inherited if values.get(name)}
        if self._how.of == "handle":
            self._keep(values["handle"], own | parent)
        elif role != "variant":
            keys = [""] if self._how.of == "above" else [values.get("sku", ""), f"id:{values.get('row_id', '')}"]
            for key in keys:
                if key or self._how.of == "above":
                    kept = {name: values.get(name, "") for name in ("quantity", "sku")}
                    kept |= {name: text for name, text in values.items() if name.startswith(LISTED)}
                    self._keep(key, own | kept | {"parent_name": values.get("name", "")})
        for name in self.inherited:
            values[name] = values.get(name) or parent.get(name, "")
        values["parent_name"], values["parent_sku"] = parent.get("parent_name", ""), parent.get("sku", "")
        for name, text in parent.items():
            if name.startswith(LISTED):
                values.setdefault(name, text)
        if values.get("quantity") == "parent":  # The variants of a parent share its units.
            values["quantity"] = parent.get("quantity", "")
        return role != "variant" or bool(parent)

    def fill_option_names(self, values: dict[str, str]) -> None:
        """Fills the names of a variant's options, which its parent's row has."""
        if self._how.of == "above" and values.get("name"):
            return
        parent = self._parents.get(values.get("handle", ""), {})
        for name in self._option_names:
            values[name] = values.get(name) or parent.get(name, "")

    def names(self, values: dict[str, str], options: list[str]) -> tuple[str, str, bool]:
        """The product's name and slug, and whether the slug is made of a handle and options."""
        # Some systems give an address instead of a slug.
        base = values.get("handle", "") or values.get("slug", "").strip("/").rsplit("/", 1)[-1]
        name = values.get("name", "")
        if "name" in self._layout.at and not name and self._how.of:
            key = values.get("handle", "")
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
        composed = bool(base) and (bool(options) or "handle" in values) and not complete
        slug = "-".join(slug_part(part) for part in (base, *options)) if composed else base
        return name, slug, composed

    def _keep(self, key: str, parent: dict[str, str]) -> None:
        old = self._parents.pop(key, {})
        self._characters += sum(map(len, parent.values())) - sum(map(len, old.values()))
        self._parents[key] = parent
        while len(self._parents) > MAX_PARENTS or (self._characters > MAX_CHARACTERS and len(self._parents) > 1):
            self._characters -= sum(map(len, self._parents.popitem(last=False)[1].values()))


class Option(NamedTuple):
    """An option of a variant. Its name is "" where the file gives none; its value is "" where it does not apply."""

    name: str
    value: str


def options_of(layout: Layout, values: dict[str, str]) -> list[Option]:
    """A variant's options. A pattern takes them out of their cell."""
    how = layout.dialect.options
    found = [(values.get(OPTION_NAME + n, ""), values[OPTION_VALUE + n]) for n in layout.options]
    if how.values:
        names, texts = (values.get(name, "").split(how.separator) for name in (how.names, how.values))
        found += zip_longest(names[: len(texts)], texts, fillvalue="")
    if how.pattern:
        for column in how.columns:
            matches = [*re.finditer(how.pattern, values.get(column, ""))]
            for match in matches:
                groups = {key.rstrip("0123456789"): text for key, text in match.groupdict().items() if text}
                found.append((groups.get("name", ""), groups.get("value", "")))
            if matches:
                values[column] = ""
    return [Option(squeeze(name), squeeze(value)) for name, value in found if name.strip() or value.strip()]


def slug_part(text: str) -> str:
    return slug_of(text) or "-".join(f"u{ord(c):x}" for c in squeeze(text))
