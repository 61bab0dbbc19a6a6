"""What the cells of a row mean in the dialect of their file: texts, prices, stock, categories, yes and no."""

import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from django.utils import timezone

from catalog.importing.cell_lists import category_names
from catalog.importing.dates import created_at_of, readings
from catalog.importing.dialects import OPTION_VALUE, Layout
from catalog.importing.errors import RefusedError, shown
from catalog.importing.formulas import unguarded
from catalog.importing.html_text import text_of
from catalog.importing.numbers import NumberHabit, price_of, quantity_of
from catalog.importing.options import Stock
from catalog.importing.rows import UNCATEGORISED, category_path, slug_in, unescaped
from catalog.slugs import slug_of
from catalog.text import squeeze

TRUE = {"1", "true", "yes", "y", "on", "active", "enabled", "published", "visible", "ja", "oui", "si", "sí", "sim"}
TRUE |= {"tak", "x", "✓", "wahr", "vrai", "verdadero", "vero", "verdadeiro", "prawda", "да"}
FALSE = {"0", "false", "no", "n", "off", "inactive", "disabled", "hidden", "draft", "archived", "nein", "non", "não"}
FALSE |= {"nie", "falsch", "faux", "falso", "fałsz", "нет", "-"}
# What the file may say about stock without a number.
STOCK_WORDS = ("tracked", "sold_ahead", "available", "purchasable", "unlimited_stock")
ESCAPED_TAG = re.compile(r"&lt;/?[a-z][^&]{0,200}&gt;")
_cleaned_description = lru_cache(maxsize=64)(text_of)

NO_CATEGORY = ("", "uncategorized", "uncategorised")

Values = dict[str, str]


def plain_cells(layout: Layout, cells: list[str]) -> list[str]:
    """The cells of a record without the escapes of its dialect. A sign that divides a list stays escaped."""
    dialect = layout.dialect
    if dialect.text == "exact":
        return [unguarded(cell) for cell in cells]
    if not dialect.unescape:
        return cells
    lists = {OPTION_VALUE + n: dialect.options.list for n in layout.options} | {"category": dialect.category.several}
    signs = {i: sign for name, sign in lists.items() for i in layout.at.get(name, ())}
    done = []
    for i, cell in enumerate(cells):
        for escape, text in dialect.unescape.items():
            if text != signs.get(i):
                cell = cell.replace(escape, text)
        # An apostrophe in front of what a spreadsheet takes for a formula.
        done.append(cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@") else cell)
    return done


class Cells:
    """Reads the values of a file's rows, which are by field. Remembers what it assumed.

    `stock` is what products of a file without quantities get.
    """

    def __init__(self, layout: Layout, habit: NumberHabit, stock: Stock | None) -> None:
        self.layout, self.dialect = layout, layout.dialect
        self._habit, self._default_stock = habit, stock
        self.assumed_zone = False
        self.has_category_ids = False
        self.ambiguous_dates = self.negative_quantities = self.long_skus = 0
        self._stock_words = [name for name in STOCK_WORDS if layout.has(name)]
        self._category_of = lru_cache(maxsize=2_000)(self._category)

    def text(self, value: str) -> str:
        return value if self.dialect.text == "exact" else unescaped(value)

    def slug(self, value: str, *, composed: bool) -> str:
        if not value:
            return ""
        if not composed and self.dialect.strict_slugs:
            return slug_in(self.layout.title("slug"), value)
        return slug_in("the slug", value if composed else slug_of(value) or value)

    def description(self, cells: list[str], values: Values) -> str:
        if self.dialect.text == "exact":
            return cells[self.layout.at["description"][0]]
        text = values.get("description", "")
        # Some systems escape HTML once more.
        return _cleaned_description(unescaped(text) if ESCAPED_TAG.search(text) else text)

    def prices(self, values: Values) -> tuple[Decimal, Decimal | None]:
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

    def _sale_price(self, values: Values) -> Decimal | None:
        if not values.get("sale_price") or not self._is_today(values):
            return None
        # Nothing is sold for nothing: 0 means that there is no such price.
        return price_of(self.layout.title("sale_price"), values["sale_price"], self._habit) or None

    def _discounted(self, price: Decimal, values: Values) -> Decimal | None:
        amount, percent = (
            price_of(self.layout.title(name), values[name], self._habit) if values.get(name) else Decimal(0)
            for name in ("discount", "discount_percent")
        )
        if not (amount or percent) or not self._is_today(values):
            return None
        return max(Decimal(0), price - (amount or round(price * percent / 100, 2)))

    def _is_today(self, values: Values) -> bool:
        """Whether now is within the dates of a sale. A date that cannot be told ends it."""
        start, end = values.get("sale_from", ""), values.get("sale_to", "")
        if "/" in (dates := values.get("sale_dates", "")):
            start, _, end = dates.partition("/")
        now = timezone.now()
        # A date that could be two days counts if both have the same answer.
        begun = {moment <= now for moment in readings(start)} or {not start}
        going_on = {now <= moment for moment in readings(end, end_of_day=True)} or {not end}
        return begun == going_on == {True}

    def stock(self, values: Values) -> tuple[int | None, bool | None]:
        """The units, and whether they limit sales. None where the row does not say."""
        quantity = quantity_of(self.layout.title("quantity"), values.get("quantity", ""), self._habit)
        if quantity is not None and quantity < 0:
            quantity = 0  # More was sold than there was.
            self.negative_quantities += 1
        said = {name: self.is_true(name, values) for name in self._stock_words}
        if said.get("purchasable") is False or said.get("available") is False:
            return 0, False
        if said.get("tracked") is False or said.get("sold_ahead") or said.get("unlimited_stock"):
            return quantity, True
        if quantity is None and said.get("available"):
            return None, True
        if quantity is None and not self.layout.has("quantity", "available") and self._default_stock is not None:
            return None, self._default_stock is Stock.UNLIMITED
        return quantity, False if said.keys() - {"purchasable"} else None

    def category(self, values: Values) -> tuple[str, ...]:
        """The deepest of the row's paths, the first of equals. Raises RefusedError."""
        return self._category_of(values.get("category", "") or self.facet(values, "category"))

    def _category(self, value: str) -> tuple[str, ...]:
        how = self.dialect.category
        if self.dialect.text == "exact":
            return category_path(self.layout.title("category"), category_names(value)) if value else (UNCATEGORISED,)
        value = self.text(value)
        behind = f"(?<!{re.escape(how.escape)})" if how.escape else ""
        pieces = re.split(f"{behind}[{re.escape(how.several)}]", value) if how.several else [value]
        escaped = f"{re.escape(how.escape)}(?=[{re.escape(how.several + how.levels)}])"
        best: list[str] = []
        root = ""
        for piece in pieces:
            names = re.split(behind + re.escape(how.levels), piece)
            names = [squeeze(re.sub(escaped, "", name) if how.escape else name) for name in names]
            if how.several:  # Some of the paths of shop systems have empty levels.
                names = [name for name in names if name]
            if how.ids and all(name.isdigit() for name in names):
                self.has_category_ids |= bool(value)
                continue
            if names and names[0].lower() in how.roots:
                root, *names = names
            if len(names) > len(best):
                best = names
        best = best or [root]
        if len(best) == 1 and best[0].lower() in NO_CATEGORY:
            return (UNCATEGORISED,)
        return category_path(self.layout.title("category"), best)

    def facet(self, values: Values, name: str) -> str:
        for facet in values.get("facets", "").split("|"):
            key, _, value = facet.partition(":")
            if self.dialect.facets.get(key.strip().lower()) == name and value.strip():
                return value.strip()
        return ""

    def created_at(self, value: str) -> datetime | None:
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

    def word(self, name: str, value: str) -> str:
        words = self.dialect.words.get(name, {})
        value = value.lower()
        return words.get(value) or words.get(value.replace("_", " ")) or words.get("*", "")

    def is_true(self, name: str, values: Values, *, default: bool | None = None) -> bool | None:
        """The field as yes or no; the default when it is blank and the dialect does not say what blank means."""
        if not self.layout.has(name):
            return default
        value = values.get(name, "").lower()
        word = self.word(name, value)
        if word in ("yes", "no"):
            return word == "yes"
        if not value:
            return default
        if value in TRUE or value in FALSE:
            return value in TRUE
        own = [each for each in self.dialect.words.get(name, {}) if each not in ("", "*")]
        allowed = ", ".join(own or ["true", "false"])
        raise RefusedError(f"{self.layout.title(name)} {shown(value)} is none of {allowed}")
