"""What a row says about its product's attributes and group."""

import re
from collections.abc import Iterable, Sequence

from django.core.exceptions import ValidationError

from catalog.attributes.models import GROUP_NAME_LENGTH, Attribute
from catalog.attributes.ordering import value_key
from catalog.importing.attribute_cells import Given, given_in
from catalog.importing.attribute_habits import AttributeHabits, AttributeInputs
from catalog.importing.attribute_names import AttributeName, readable
from catalog.importing.dialects import Layout
from catalog.importing.errors import RefusedError, shown
from catalog.importing.links import Link
from catalog.importing.numbers import NumberHabit
from catalog.importing.rows import GroupRow, ProductRow, unescaped
from catalog.importing.variants import Option, slug_part
from catalog.slugs import normal_form, shortened, validate_slug
from catalog.text import squeeze


class RowFacts:
    """Adds attributes and a group to the rows of one file."""

    def __init__(
        self, layout: Layout, habit: NumberHabit, habits: AttributeHabits, made: Iterable[Attribute] = ()
    ) -> None:
        self._layout, self._habits = layout, habits
        self._inputs = AttributeInputs(habits, habit, made)
        self.unnamed_options = 0

    def add(self, row: ProductRow, cells: Sequence[str], values: dict[str, str], options: list[Option]) -> None:
        """Adds what the row says. Raises RefusedError when an attribute cannot have its value."""
        link = self._habits.links.get(row.sku) if self._habits.links and row.sku else None
        if link:
            options = link.options
        if self._layout.dialect.options.names:
            options = [Option(readable(option.name), option.value) for option in options]
        if any(option.value and not option.name for option in options):
            if self._layout.dialect.options.name or self._layout.dialect.options.names:
                self.unnamed_options += 1
            options = []
        given = [Given(AttributeName(name), [value] if value else [], is_option=True) for name, value in options]
        named = {value_key(option.name) for option in options if option.value}
        # A parent's list names the choices that its variants have.
        others = given_in(self._layout, cells, values, self._habits.labels)
        given += [each for each in others if value_key(each.name.name) not in named]
        if self._layout.dialect.text != "exact":
            given = [Given(each.name, [*map(unescaped, each.texts)], each.is_option) for each in given]
        row.attributes = tuple(made for each in given for made in self._inputs.of(each))
        row.said_attributes = frozenset(self._inputs.attribute(each.name).slug for each in given)
        row.group = self._group(row, values, [option.value for option in options if option.value], link)

    def _group(self, row: ProductRow, values: dict[str, str], options: list[str], link: Link | None) -> GroupRow | None:
        how = self._layout.dialect.variants.of
        if self._layout.has("group"):
            return self._named_group(row, values)
        if link:
            return _group(link.slug, link.name, row)
        if not options or not how:
            return None
        name = values.get("parent_name") or values.get("name", "")
        if how == "handle":
            return _group(slug_part(values["handle"]), values.get("name", ""), row)
        if how == "above":
            name = values.get("name", "")
            slug = values.get("slug", "").strip("/").rsplit("/", 1)[-1] or values["parent_sku"]
            return _group(slug_part(slug or name), name, row)
        parent = values.get("parent", "")
        if not parent.startswith("id:"):
            return _group(slug_part(parent), values["parent_name"], row) if parent else None
        # The number is that of another shop, and a name may be there twice.
        return _group(slug_part(f"{name} {parent[3:]}"), values["parent_name"], row) if values["parent_name"] else None

    def _named_group(self, row: ProductRow, values: dict[str, str]) -> GroupRow | None:
        cell = values["group"]
        if self._layout.dialect.text == "exact":
            name = squeeze(values.get("group_name") or cell)
            return GroupRow(_slug(cell), name, is_title=bool(values.get("group_name"))) if cell else GroupRow()
        if not self._layout.dialect.needs:
            name = squeeze(unescaped(cell))
            return _group(slug_part(name), name, row, is_title=False) if cell else GroupRow()
        # The group has no name of its own, and its products' names have their options at the end.
        texts = [given.text for given in row.attributes if given.text]
        return _group(slug_part(cell), _without(row.name, texts), row, is_title=False) if cell and texts else None


def _group(slug: str, name: str, row: ProductRow, *, is_title: bool = True) -> GroupRow:
    name = squeeze(unescaped(name))
    title = (name or row.name or slug)[:GROUP_NAME_LENGTH].strip()
    return GroupRow(shortened(slug, GROUP_NAME_LENGTH), title, is_title=is_title and bool(name))


def _slug(cell: str) -> str:
    slug = normal_form(cell)
    try:
        validate_slug(slug)
    except ValidationError:
        raise RefusedError(f"group {shown(cell)} may only have letters, digits, hyphens and underscores") from None
    if len(slug) > GROUP_NAME_LENGTH:
        raise RefusedError(f"group has {len(slug)} characters, at most {GROUP_NAME_LENGTH} are allowed")
    return slug


def _without(name: str, texts: Iterable[str]) -> str:
    """The name without these texts at its end, and without the signs around them."""
    endings = [*texts]
    rest, shorter = "", name
    while rest != shorter:
        rest = shorter
        for ending in endings:
            match = re.search(rf"[\s\-–—/,|(:]+{re.escape(ending)}\s*\)?$", shorter, re.IGNORECASE)
            shorter = shorter[: match.start()] if match else shorter
    return rest or name
