"""Reads the rows of a file in its dialect: each becomes a product, is left out with a reason, or is refused."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from django.utils import timezone

from catalog.importing.dates import created_at_of
from catalog.importing.dialects import Layout
from catalog.importing.errors import RefusedError, shown
from catalog.importing.formulas import unguarded
from catalog.importing.html_text import text_of
from catalog.importing.numbers import NumberHabit, price_of, quantity_of, rating_of
from catalog.importing.options import ImportOptions, Stock
from catalog.importing.reading import Record
from catalog.importing.rows import (
    UNCATEGORISED,
    ProductRow,
    brand_of,
    category_path,
    name_of,
    sku_of,
    slug_in,
    unescaped,
)
from catalog.importing.variants import Family, option_values
from catalog.slugs import slug_of
from catalog.text import squeeze

TRUE = {"1", "true", "yes", "y", "on", "active", "enabled", "published", "visible", "ja", "oui", "si", "sí", "sim"}
TRUE |= {"tak", "x", "✓", "wahr", "vrai", "verdadero", "vero", "verdadeiro", "prawda", "да"}
FALSE = {"0", "false", "no", "n", "off", "inactive", "disabled", "hidden", "draft", "archived", "nein", "non", "não"}
FALSE |= {"nie", "falsch", "faux", "falso", "fałsz", "нет", "-"}
NUMBERS = ("price", "sale_price", "compare_at_price", "discount", "discount_percent", "quantity", "rating")
# What the file may say about stock without a number.
STOCK_WORDS = ("tracked", "sold_ahead", "available", "purchasable", "unlimited_stock")
_cleaned_description = lru_cache(maxsize=64)(text_of)


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A record and what it is: a product, or refused with a reason, or neither (a picture, a parent of variants)."""

    record: Record
    row: ProductRow | None = None
    refused: str = ""
    # The pictures that the row names: its own, and those of all rows of its group. Slugs tell the groups apart.
    values: dict[str, str] = field(default_factory=dict)


class RowReader:
    """Reads the rows of one file once, in the order of the file.

    `fields` are the fields of ProductRow that the file says something about; an update leaves the others alone.
    """

    def __init__(self, layout: Layout, habit: NumberHabit, options: ImportOptions) -> None:
        self.layout, self.dialect = layout, layout.dialect
        self._habit, self._options = habit, options
        self._family = Family(layout)
        self.left_out: Counter[str] = Counter()
        self.assumed_zone = False
        self.has_category_ids = False
        self.ambiguous_dates = 0
        self.fields = frozenset(self._fields())

    def rows(self, records: Iterable[Record]) -> Iterator[ReadRow]:
        """What each record is."""
        reads = self._without_parents(records)
        return _added_up(reads) if self.dialect.adds_up else reads

    def _without_parents(self, records: Iterable[Record]) -> Iterator[ReadRow]:
        """A parent of the dialect's variants is known by the record that follows it."""
        waiting: ReadRow | None = None
        for record in records:
            read = self._read(record)
            if waiting is not None:
                if read.values.get("role") == "variant":
                    self.left_out["with variants of their own"] += 1
                    waiting = ReadRow(waiting.record)
                yield waiting
                waiting = None
            if self.dialect.variants.parents_are_products or read.values.get("role") != "product":
                yield read
            else:
                waiting = read
        if waiting is not None:
            yield waiting

    def _read(self, record: Record) -> ReadRow:
        if record.problem:
            return ReadRow(record, refused=record.problem)
        cells = record.cells
        if self.dialect.text == "exact":
            cells = [unguarded(cell) for cell in cells]
        elif self.dialect.unescape:
            cells = self._unescaped(cells)
        values = {name: self.layout.cell(cells, name) for name in self.layout.at}
        for name, condition in self.dialect.ignored_if.items():
            if self._is(condition, values):
                values[name] = ""
        for name, other in self.dialect.default.items():
            values[name] = values.get(name) or values.get(other, "")
        if "quantity" in values:
            values["quantity"] = self._word("quantity", values["quantity"]) or values["quantity"]
        options = option_values(self.layout, cells, values)
        has_options = bool(options)
        options = [value for value in options if value.lower() not in self.dialect.variants.default_options]
        try:
            role = values["role"] = self._role(values, has_options=has_options)
            self._family.complete(values, role)
            if role in ("parent", "skip"):
                return ReadRow(record, values=values)
            row = self._product(record, cells, values, options)
        except RefusedError as error:
            return ReadRow(record, refused=str(error), values=values)
        values["slug"] = row.slug
        return ReadRow(record, row, values=values)

    def _unescaped(self, cells: list[str]) -> list[str]:
        """The cells without the escapes of their dialect. A comma that was escaped must not divide categories."""
        several = self.layout.at.get("category", ())
        done = []
        for i, cell in enumerate(cells):
            for escape, text in self.dialect.unescape.items():
                if not (i in several and text == self.dialect.category.several):
                    cell = cell.replace(escape, text)
            # An apostrophe in front of what a spreadsheet takes for a formula.
            done.append(cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@") else cell)
        return done

    def _role(self, values: dict[str, str], *, has_options: bool) -> str:
        """product, variant, parent or skip."""
        if "locale" in values and (role := self._word("locale", values["locale"])) == "skip":
            self.left_out[f"in other languages ({self.layout.title('locale')} {values['locale']})"] += 1
            return role
        if kind := values.get("kind", ""):
            words = [self._word("kind", word.strip()) for word in kind.split(",")]
            role = next((word for word in words if word), "product")
            if role in ("parent", "skip"):
                self.left_out[f"of the kind {shown(kind)}"] += 1
            return role
        if self.dialect.variants.of == "above" and not values.get("name"):
            return "variant"
        if self.dialect.variants.of == "group":
            if not values["group"]:
                raise RefusedError(f"{self.layout.title('group')} is empty")
            if self.layout.has("price") and not has_options and not values["price"]:
                return "skip"  # A row of a picture.
        return "product"

    def _product(self, record: Record, cells: list[str], values: dict[str, str], options: list[str]) -> ProductRow:
        title = self.layout.title
        row = ProductRow(record.line, record.cells, characters=record.characters)
        row.sku = sku_of(title("sku"), values.get("sku", ""))
        name, slug, row.is_composed = self._family.names(values, options)
        if "name" in self.fields:
            row.name = name_of(title("name") if not options else "the name", self._text(name))
        row.slug = self._slug(slug, composed=row.is_composed)
        if not (row.slug or row.sku or row.name):
            raise RefusedError(f"{' and '.join(title(key) for key in ('slug', 'sku') if self.layout.has(key))} is empty")
        if "price" in self.fields:
            row.price, row.compare_at_price = self._prices(values)
        row.quantity, row.unlimited_stock = self._stock(values)
        if "description" in self.fields:
            row.description = self._description(cells, values)
        if "category" in self.fields:
            row.category = self._category(values)
        brand = values.get("brand", "") or self._facet(values, "brand")
        row.brand = brand_of(title("brand"), self._text(brand))
        row.rating = rating_of(title("rating"), values.get("rating", ""), self._habit)
        row.is_active = all(self._is(name, values, default=True) for name in ("is_active", "status"))
        row.created_at = self._created_at(values.get("created_at", ""))
        return row

    def _text(self, value: str) -> str:
        return value if self.dialect.text == "exact" else unescaped(value)

    def _slug(self, value: str, *, composed: bool) -> str:
        if not value:
            return ""
        if not composed and self.dialect.strict_slugs:
            return slug_in(self.layout.title("slug"), value)
        return slug_in("the slug", value if composed else slug_of(value) or value)

    def _description(self, cells: list[str], values: dict[str, str]) -> str:
        if self.dialect.text == "exact":
            return cells[self.layout.at["description"][0]].replace("\r\n", "\n").replace("\r", "\n")
        text = values.get("description", "")
        # Some systems escape HTML once more.
        return _cleaned_description(unescaped(text) if re.search(r"&lt;/?[a-z][a-z0-9]*[ /]?.*?&gt;", text) else text)

    def _prices(self, values: dict[str, str]) -> tuple[Decimal, Decimal | None]:
        """The price that the shop asks today, and the price before, if it is higher."""
        title = self.layout.title
        before = values.get("compare_at_price", "")
        compare = price_of(title("compare_at_price"), before, self._habit) if before else Decimal(0)
        sale = self._sale_price(values)
        if sale is None or values.get("price"):
            price = price_of(title("price"), values.get("price", ""), self._habit)
        else:
            price = sale
        if sale is None:
            sale = self._discounted(price, values)
        if sale is not None and sale < price:
            price, compare = sale, max(price, compare)
        return price, compare if compare > price else None

    def _sale_price(self, values: dict[str, str]) -> Decimal | None:
        if not values.get("sale_price") or not self._is_today(values):
            return None
        # Nothing is sold for nothing: 0 means that there is no such price.
        return price_of(self.layout.title("sale_price"), values["sale_price"], self._habit) or None

    def _discounted(self, price: Decimal, values: dict[str, str]) -> Decimal | None:
        amount, percent = (
            price_of(self.layout.title(name), values[name], self._habit) if values.get(name) else Decimal(0)
            for name in ("discount", "discount_percent")
        )
        if not (amount or percent) or not self._is_today(values):
            return None
        return max(Decimal(0), price - (amount or round(price * percent / 100, 2)))

    def _is_today(self, values: dict[str, str]) -> bool:
        """Whether now is within the dates of a sale. A date that cannot be told ends it."""
        start, end = values.get("sale_from", ""), values.get("sale_to", "")
        if "/" in (dates := values.get("sale_dates", "")):
            start, _, end = dates.partition("/")
        try:
            first, last = (created_at_of("", date.strip()) if not date.startswith("0000") else None for date in (start, end))
        except RefusedError:
            return False
        now = timezone.now()
        if last and re.fullmatch(r"\S+", end.strip()) and "T" not in end:
            last = (last[0].replace(hour=23, minute=59, second=59), True)  # A day is over at its end.
        return (first is None or first[0] <= now) and (last is None or now <= last[0])

    def _stock(self, values: dict[str, str]) -> tuple[int | None, bool | None]:
        """The units, and whether they limit sales. None where the row does not say."""
        quantity = quantity_of(self.layout.title("quantity"), values.get("quantity", ""), self._habit)
        if quantity is not None and quantity < 0:
            if self.dialect.strict_slugs:
                raise RefusedError(f"{self.layout.title('quantity')} {shown(values['quantity'])} is negative")
            quantity = 0  # More was sold than there was.
        said = {name: self._is(name, values) for name in STOCK_WORDS if self.layout.has(name)}
        if said.get("purchasable") is False or said.get("available") is False:
            return 0, False
        if said.get("tracked") is False or said.get("sold_ahead") or said.get("unlimited_stock"):
            return quantity, True
        if quantity is None and said.get("available"):
            return None, True
        if quantity is None and not self.layout.has("quantity", "available") and self._options.stock is not None:
            return None, self._options.stock is Stock.UNLIMITED
        return quantity, False if said.keys() - {"purchasable"} else None

    def _category(self, values: dict[str, str]) -> tuple[str, ...]:
        """The deepest of the row's paths, the first of equals."""
        how, value = self.dialect.category, values.get("category", "")
        value = value or self._facet(values, "category")
        escaped = next((e for e, text in self.dialect.unescape.items() if text == how.several), None)
        pieces = [value]
        if how.several:
            pieces = re.split((rf"(?<!\\)" if escaped else "") + f"[{re.escape(how.several)}]", value)
        best: list[str] = []
        for piece in pieces:
            text = self._text(piece.replace(escaped, how.several) if escaped else piece)
            names = [squeeze(name) for name in (text.split(how.levels) if how.levels else [text])]
            if how.ids and all(name.isdigit() for name in names):
                self.has_category_ids |= bool(value)
                continue
            if names and names[0].lower() in how.roots:
                names = names[1:]
            if len(names) > len(best):
                best = names
        if not best or best == [""]:
            return (UNCATEGORISED,)
        return category_path(self.layout.title("category"), best)

    def _facet(self, values: dict[str, str], name: str) -> str:
        for facet in values.get("facets", "").split("|"):
            key, _, value = facet.partition(":")
            if self.dialect.facets.get(key.strip().lower()) == name and value.strip():
                return value.strip()
        return ""

    def _created_at(self, value: str) -> datetime | None:
        try:
            created = created_at_of(self.layout.title("created_at"), value)
        except RefusedError:
            if self.dialect.strict_dates:
                raise
            self.ambiguous_dates += 1
            return None
        if created is None:
            return None
        self.assumed_zone |= created[1]
        return created[0]

    def _word(self, name: str, value: str) -> str:
        words = self.dialect.words.get(name, {})
        value = value.lower()
        return words.get(value) or words.get(value.replace("_", " ")) or words.get("*", "")

    def _is(self, name: str, values: dict[str, str], *, default: bool | None = None) -> bool | None:
        """The field as yes or no; the default when it is blank and the dialect does not say what blank means."""
        if not self.layout.has(name):
            return default
        value = values.get(name, "").lower()
        word = self._word(name, value)
        if word in ("yes", "no"):
            return word == "yes"
        if not value:
            return default
        if value in TRUE or value in FALSE:
            return value in TRUE
        own = [each for each in self.dialect.words.get(name, {}) if each not in ("", "*")]
        allowed = ", ".join(own or ["true", "false"])
        raise RefusedError(f"{self.layout.title(name)} {shown(value)} is none of {allowed}")

    def _fields(self) -> Iterator[str]:
        has = self.layout.has
        yield from (name for name in ("sku", "description", "brand", "rating", "created_at", "quantity") if has(name))
        if has("name"):
            yield "name"
        if has("price") or has("sale_price"):
            yield "price"
        if has("compare_at_price") or has("sale_price"):
            yield "compare_at_price"
        if has("category") or (self.dialect.facets and has("facets")):
            yield "category"
        if self.dialect.facets and has("facets"):
            yield "brand"
        if has("is_active") or has("status"):
            yield "is_active"
        if has(*STOCK_WORDS) or (self.lacks_quantities and self._options.stock is not None):
            yield from ("unlimited_stock", "quantity")

    @property
    def lacks_quantities(self) -> bool:
        """Whether the file creates products and says nothing about how many there are."""
        return self.layout.can_create and not self.layout.has("quantity", "available", "unlimited_stock")


def _added_up(reads: Iterable[ReadRow]) -> Iterator[ReadRow]:
    """Adjacent rows of one product as one, with the sum of their quantities."""
    last: ProductRow | None = None
    waiting: ReadRow | None = None
    for read in reads:
        row = read.row
        if row is not None and last is not None and (row.slug, row.sku) == (last.slug, last.sku):
            if row.quantity is not None:
                last.quantity = (last.quantity or 0) + row.quantity
            continue
        if waiting is not None:
            yield waiting
        waiting, last = read, row
    if waiting is not None:
        yield waiting
