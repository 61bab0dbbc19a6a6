"""Which kinds the attributes of a file have, by all its cells; and cells as values of attributes."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial

from catalog.attributes.models import Attribute, AttributeKind
from catalog.attributes.ordering import value_key
from catalog.attributes.writing import AttributeInput, KnownAttributes, new_slug
from catalog.importing.attribute_cells import Given, given_in, listed
from catalog.importing.attribute_names import AttributeName
from catalog.importing.cells import FALSE, TRUE
from catalog.importing.dialects import Layout
from catalog.importing.errors import RefusedError, shown
from catalog.importing.links import Links
from catalog.importing.measures import AttributeHabit, Kind, measure_of
from catalog.importing.numbers import NumberHabit
from catalog.importing.variants import options_of
from catalog.text import squeeze

# Of one file. A cell by mistake taken for a name must not make a million attributes.
MAX_NAMES = 1_000


class AttributeHabits:
    """Learns from all rows of a file, before the first is read as a product."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        how = layout.dialect
        self.links = Links() if layout.has("configurable_variations") else None
        # Options alone are text, whatever their values are.
        self.learns = bool(layout.attributes or how.attributes.pairs or how.options.list)
        self._habits: dict[str, AttributeHabit] = {}

    def learn(self, cells: Sequence[str]) -> None:
        values = self._layout.values(cells)
        options = options_of(self._layout, values)
        names = [option.name for option in options]
        if self._layout.dialect.options.list and not self._is_variant(values):
            values |= listed(self._layout, options)
            names = []
        if self.links is not None:
            names += self.links.add(values)
        for name in names:
            self._habit(AttributeName(name)).is_option = True
        in_group = bool(values.get("group") or values.get("handle"))
        for given in given_in(self._layout, cells, values, self.labels):
            habit = self._habit(given.name)
            habit.is_option |= given.is_option
            habit.learn(given.texts, in_group=in_group)

    @property
    def labels(self) -> Mapping[str, str]:
        """The names of attributes that the file calls by codes."""
        return self.links.labels if self.links else {}

    def get(self, name: AttributeName) -> AttributeHabit | None:
        return self._habits.get(new_slug(name.name))

    def _habit(self, name: AttributeName) -> AttributeHabit:
        key = new_slug(name.name)
        if len(self._habits) < MAX_NAMES:
            return self._habits.setdefault(key, AttributeHabit())
        return self._habits.get(key) or AttributeHabit()

    def _is_variant(self, values: dict[str, str]) -> bool:
        words = self._layout.dialect.words.get("kind", {})
        return any(words.get(kind.strip()) == "variant" for kind in values.get("kind", "").lower().split(","))


class AttributeInputs:
    """Makes the values of attributes of what rows give. The kind of an attribute that exists counts.

    `made` are attributes that do not exist yet because the import is a dry run.
    """

    def __init__(self, habits: AttributeHabits, habit: NumberHabit, made: Iterable[Attribute]) -> None:
        self._habits, self._habit = habits, habit
        self._known = KnownAttributes()
        for attribute in made:
            self._known.add(attribute)
        self._plans: dict[AttributeName, tuple[Attribute, Kind]] = {}

    def attribute(self, name: AttributeName) -> Attribute:
        """The attribute of this name as it is, or as it would be made. Raises RefusedError when there are too many."""
        return self._plan(name)[0]

    def of(self, given: Given) -> list[AttributeInput]:
        """The values. Raises RefusedError when the attribute cannot have them."""
        attribute, kind = self._plan(given.name)
        make = partial(AttributeInput, attribute.slug, name=attribute.name)
        if attribute.kind == AttributeKind.TEXT:
            return [make(text=self._with_unit(given.name, text, attribute)) for text in given.texts]
        if len(given.texts) > 1:
            raise RefusedError(f"the attribute {shown(attribute.name)} has one value, not {len(given.texts)}")
        if attribute.kind == AttributeKind.BOOLEAN:
            return [make(boolean=_boolean(attribute, text)) for text in given.texts]
        return [self._number(make, attribute, given.name, kind.decimal, text) for text in given.texts]

    def _plan(self, name: AttributeName) -> tuple[Attribute, Kind]:
        if plan := self._plans.get(name):
            return plan
        if len(self._plans) >= MAX_NAMES:
            raise RefusedError(f"the file names more than {MAX_NAMES:,} attributes; {shown(name.name)} is one too many")
        learned = self._habits.get(name)
        base, unit = name.without_unit()
        attribute = self._known.get(name.slug or name.name, is_slug=bool(name.slug))
        if attribute is None and unit and not name.slug:
            attribute = self._known.get(base)
        if attribute is not None:
            kind = Kind(AttributeKind(attribute.kind), decimal=learned.decimal(self._habit) if learned else "")
        elif name.kind is not None:
            kind = Kind(name.kind, name.unit)
        else:
            kind = learned.kind(self._habit, unit) if learned else Kind(AttributeKind.TEXT)
        if attribute is None:
            text = base if kind.kind == AttributeKind.NUMBER and not name.slug else name.name
            slug = name.slug or new_slug(text)
            attribute = Attribute(name=squeeze(text), slug=slug, kind=kind.kind, unit=kind.unit)
        self._plans[name] = attribute, kind
        return self._plans[name]

    @staticmethod
    def _with_unit(name: AttributeName, text: str, attribute: Attribute) -> str:
        """The text with the unit of the heading, where the heading is not the name of the attribute."""
        base, unit = name.without_unit()
        if not unit or name.slug or value_key(attribute.name) != value_key(base):
            return text
        measure = measure_of(text)
        return f"{text} {unit}" if measure and not measure.unit else text

    def _number(
        self, make: "partial[AttributeInput]", attribute: Attribute, name: AttributeName, decimal: str, text: str
    ) -> AttributeInput:
        what = f"the attribute {shown(attribute.name)}"
        measure = measure_of(text)
        if measure is None:
            raise RefusedError(f"{what} {shown(text)} is not a number such as 12.5")
        number = measure.value(decimal) if decimal else self._habit.value(measure.shape)
        if number is None:
            raise RefusedError(f"{what} {shown(text)} is not a number, or could be two")
        if measure.is_negative and not decimal:
            number = -number
        unit = measure.unit or (name.unit if name.slug else name.without_unit()[1])
        if unit and unit != attribute.unit:
            how = f"is measured in {attribute.unit}" if attribute.unit else "has no unit"
            raise RefusedError(f"{what} {how}, and the file has {shown(text if measure.unit else f'{text} {unit}')}")
        return make(number=Decimal(number), unit=attribute.unit)


def _boolean(attribute: Attribute, text: str) -> bool:
    word = text.lower()
    if word not in TRUE | FALSE:
        raise RefusedError(f"the attribute {shown(attribute.name)} {shown(text)} is none of yes, no")
    return word in TRUE
