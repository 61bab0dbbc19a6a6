"""Reads the rows of a file in its dialect: each becomes a product, is left out with a reason, or is refused."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from catalog.importing.attribute_cells import listed
from catalog.importing.cells import STOCK_WORDS, Cells, Values, plain_cells
from catalog.importing.dialects import Layout
from catalog.importing.errors import RefusedError, shown
from catalog.importing.facts import RowFacts
from catalog.importing.numbers import NumberHabit, price_of, quantity_of, rating_of
from catalog.importing.options import ImportOptions
from catalog.importing.reading import Record
from catalog.importing.rows import ProductRow, brand_of, name_of, sku_of
from catalog.importing.variants import Family, options_of
from catalog.models import SKU_LENGTH

NUMBERS = ("price", "sale_price", "compare_at_price", "discount", "discount_percent", "quantity", "rating")


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A record and what it is: a product, or refused with a reason, or neither (a picture, a parent of variants)."""

    record: Record
    row: ProductRow | None = None
    refused: str = ""
    # The pictures that the row names: its own, and those of all rows of its group. Slugs tell the groups apart.
    values: Values = field(default_factory=dict)


class RowReader:
    """Reads the rows of one file once, in the order of the file.

    `fields` are the fields of ProductRow that the file says something about; an update leaves the others alone. `facts`
    reads attributes and groups, where the file has them.
    """

    def __init__(
        self, layout: Layout, habit: NumberHabit, options: ImportOptions, facts: RowFacts | None = None
    ) -> None:
        self.layout, self.dialect = layout, layout.dialect
        self._habit, self._options = habit, options
        self._family = Family(layout)
        self.left_out: Counter[str] = Counter()
        self.missing_parents = 0
        self.cells = Cells(layout, habit, options.stock)
        self.facts = facts
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
        cells = plain_cells(self.layout, record.cells)
        values = self.layout.values(cells)
        try:
            row = self._row(record, cells, values)
        except RefusedError as error:
            return ReadRow(self._complete(record, values), refused=str(error), values=values)
        if row is not None:
            row.cells = self._complete(record, values).cells
        return ReadRow(record, row, values=values)

    def _complete(self, record: Record, values: Values) -> Record:
        """The record with what it inherits, so that it means the same without its parent in a report."""
        cells = record.cells
        for name in self._family.inherited:
            places = self.layout.at.get(name, ())
            if values.get(name) and places and not any(cells[i].strip() for i in places):
                cells = [*cells]
                cells[places[0]] = values[name]
        return record._replace(cells=cells)

    def _row(self, record: Record, cells: list[str], values: Values) -> ProductRow | None:
        """The product of a row; None if it is none of its own. Raises RefusedError."""
        for name, condition in self.dialect.ignored_if.items():
            if self.cells.is_true(condition, values):
                values[name] = ""
        for name, other in self.dialect.default.items():
            values[name] = values.get(name) or values.get(other, "")
        if (words := self.dialect.words.get("quantity")) and "quantity" in values:
            values["quantity"] = words.get(values["quantity"].lower(), values["quantity"])
        if self.layout.locations:
            values["quantity"] = str(sum(self._quantities(cells)))
        self._family.fill_option_names(values)
        options = options_of(self.layout, values)
        role = values["role"] = self._role(values, has_options=any(option.value for option in options))
        if role != "variant" and self.dialect.options.list:
            values |= listed(self.layout, options)
            options = []
        has_parent = self._family.complete(values, role)
        if role in ("parent", "skip"):
            return None
        options = [each for each in options if each.value.lower() not in self.dialect.variants.default_options]
        row = self._product(record, cells, values, [option.value for option in options if option.value])
        if self.facts:
            self.facts.add(row, cells, values, options)
        if not has_parent:
            row.unsaid = frozenset(name for name in self.dialect.variants.inherit if not values.get(name))
            self.missing_parents += 1
        return row

    def _quantities(self, cells: list[str]) -> Iterator[int]:
        for i in self.layout.locations:
            cell = self.dialect.words.get("quantity", {}).get(cells[i].strip().lower(), cells[i])
            yield quantity_of(self.layout.header[i], cell, self._habit) or 0

    def _role(self, values: Values, *, has_options: bool) -> str:
        """product, variant, parent or skip."""
        if "locale" in values and (role := self.cells.word("locale", values["locale"])) == "skip":
            self.left_out[f"in other languages ({self.layout.title('locale')} {values['locale']})"] += 1
            return role
        if kind := values.get("kind", ""):
            words = [self.cells.word("kind", word.strip()) for word in kind.split(",")]
            role = next((word for word in words if word), "product")
            if role in ("parent", "skip"):
                self.left_out[f"of the kind {shown(kind)}"] += 1
            return role
        if self.dialect.variants.of == "above" and not values.get("name"):
            return "variant"
        if self.dialect.variants.of == "handle":
            if not values["handle"]:
                raise RefusedError(f"{self.layout.title('handle')} is empty")
            if self.layout.has("price") and not has_options and not values["price"]:
                return "skip"  # A row of a picture.
        return "product"

    def _product(self, record: Record, cells: list[str], values: Values, options: list[str]) -> ProductRow:
        title = self.layout.title
        row = ProductRow(record.line, record.cells)
        # Spreadsheets and Shopify put an apostrophe in front of a number that is text.
        sku = values.get("sku", "")
        sku = sku if self.dialect.text == "exact" else sku.removeprefix("'")
        if len(sku) > SKU_LENGTH and self.dialect.variants.of == "handle":
            sku = ""  # The handle says which product it is. Some apps join many SKUs to one.
            self.cells.long_skus += 1
        row.sku = sku_of(title("sku"), sku)
        name, slug, row.is_composed = self._family.names(values, options)
        if "name" in self.fields:
            row.name = name_of(title("name") if not options else "the name", self.cells.text(name))
        row.slug = self.cells.slug(slug, composed=row.is_composed)
        if not (row.slug or row.sku or row.name):
            raise RefusedError(
                f"{' and '.join(title(key) for key in ('slug', 'sku') if self.layout.has(key))} is empty"
            )
        if "price" in self.fields:
            row.price, row.compare_at_price = self.cells.prices(values)
        elif before := values.get("compare_at_price", ""):
            row.compare_at_price = price_of(title("compare_at_price"), before, self._habit)
        row.quantity, row.unlimited_stock = self.cells.stock(values)
        if "description" in self.fields:
            row.description = self.cells.description(cells, values)
        if "category" in self.fields:
            row.category = self.cells.category(values)
        brand = values.get("brand", "") or self.cells.facet(values, "brand")
        row.brand = brand_of(title("brand"), self.cells.text(brand))
        row.rating = rating_of(title("rating"), values.get("rating", ""), self._habit)
        row.is_active = all(self.cells.is_true(name, values, default=True) for name in ("is_active", "status"))
        row.created_at = self.cells.created_at(values.get("created_at", ""))
        return row

    def _fields(self) -> Iterator[str]:
        has = self.layout.has
        yield from (name for name in ("sku", "description", "brand", "rating", "created_at", "quantity") if has(name))
        if has("name"):
            yield "name"
        if has("price") or has("sale_price"):
            yield "price"
        if has("compare_at_price") or (has("sale_price") and has("price")):
            yield "compare_at_price"
        if has("category") or (self.dialect.facets and has("facets")):
            yield "category"
        if self.dialect.facets and has("facets"):
            yield "brand"
        if has("is_active") or has("status"):
            yield "is_active"
        if has(*STOCK_WORDS) or (self.layout.lacks_quantities and self._options.stock is not None):
            yield from ("unlimited_stock", "quantity")


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
