"""The attributes and groups of a batch: which rows cannot have theirs, what they change, and how they are written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from catalog.attributes.models import (
    MAX_ATTRIBUTES,
    MAX_VALUES,
    Attribute,
    ProductAttribute,
    ProductGroup,
    options_key,
    text_of,
)
from catalog.attributes.recording import PREFIX
from catalog.attributes.writing import (
    AttributeInput,
    KnownAttributes,
    Resolved,
    differs,
    resolve,
    stored_rows,
    write_rows,
)
from catalog.importing.errors import shown
from catalog.importing.rows import GroupRow, ProductRow
from catalog.importing.seen_rows import SeenRows
from catalog.models import Product
from core.errors import FieldError

ATTRIBUTE = PREFIX
Accepted = tuple[ProductRow, str, Product | None]


@dataclass
class _Wanted:
    """All values that a product will have, and its group."""

    product: Product | None
    stored: list[ProductAttribute]
    rows: list[ProductAttribute]
    group: ProductGroup | None
    old_group: ProductGroup | None
    row: ProductRow

    @property
    def options(self) -> tuple[str, str] | None:
        """What no other product may have: the group and the values."""
        return None if self.group is None else (_group_key(self.group), _options(self.rows))


@dataclass
class BatchFacts:
    """Made for the rows of one batch, within its transaction. Does nothing for files without attributes and groups."""

    rows: Sequence[ProductRow]
    seen: SeenRows
    is_dry_run: bool
    place: str = ""
    wanted: dict[int, _Wanted] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.is_empty = not any(row.said_attributes or row.group for row in self.rows)
        self._inputs = {row.line: row.attributes for row in self.rows if row.attributes}
        self._resolved: Resolved[int] = resolve(self._inputs, create=False) if self._inputs else Resolved()
        self._by_id = {} if self.is_empty else KnownAttributes().by_id
        self._groups: dict[str, ProductGroup] = {}

    def refused_alone(self) -> list[tuple[ProductRow, str]]:
        """The rows whose own values are wrong, with the reasons."""
        errors = self._resolved.errors
        return [(row, _reason(row, errors[row.line])) for row in self.rows if row.line in errors]

    def refused_beside_others(self, accepted: Sequence[Accepted]) -> list[tuple[ProductRow, str]]:
        """The rows whose products would have too many values, or the options of another one of their group."""
        if self.is_empty:
            return []
        products = [product for _, _, product in accepted if product is not None]
        stored = stored_rows([product.pk for product in products])
        old_groups = self._find_groups(accepted, products)
        refused: dict[int, str] = {}
        for row, _, product in accepted:
            wanted = self._wanted(row, product, stored, old_groups)
            self.wanted[row.line] = wanted
            if len({each.attribute.slug for each in wanted.rows}) > MAX_ATTRIBUTES:
                refused[row.line] = f"its product would have more than {MAX_ATTRIBUTES} attributes"
            elif len(wanted.rows) > MAX_VALUES:
                refused[row.line] = f"its product would have more than {MAX_VALUES} values of attributes"
        refused |= self._same_options([each for each in accepted if each[0].line not in refused])
        return [(row, refused[row.line]) for row, _, _ in accepted if row.line in refused]

    def _find_groups(self, accepted: Sequence[Accepted], products: Iterable[Product]) -> dict[int, ProductGroup]:
        slugs = {row.group.slug for row, _, _ in accepted if row.group and row.group.slug}
        self._groups = {group.slug: group for group in ProductGroup.objects.filter(slug__in=slugs)} if slugs else {}
        old = {product.group_id for product in products} - {None}
        return ProductGroup.objects.in_bulk(old) if old else {}

    def _group(self, named: GroupRow) -> ProductGroup | None:
        if not named.slug:
            return None
        return self._groups.setdefault(named.slug, ProductGroup(slug=named.slug, name=named.name))

    def _wanted(
        self,
        row: ProductRow,
        product: Product | None,
        stored: dict[int, list[ProductAttribute]],
        old_groups: dict[int, ProductGroup],
    ) -> _Wanted:
        there = stored[product.pk] if product else []
        for each in there:
            each.attribute = self._by_id.get(each.attribute_id) or each.attribute
        kept = [each for each in there if each.attribute.slug not in row.said_attributes]
        old_group = old_groups.get(product.group_id) if product and product.group_id else None
        group = old_group if row.group is None else self._group(row.group)
        rows = kept + self._resolved.rows.get(row.line, [])
        return _Wanted(product, there, rows, group, old_group, row)

    def _same_options(self, accepted: Sequence[Accepted]) -> dict[int, str]:
        """The rows that would have the options of another product of their group, with reasons.

        Products may swap their options. When a row is refused, its product keeps its own.
        """
        options = {row.line: pair for row, _, _ in accepted if (pair := self.wanted[row.line].options)}
        seen = self.seen.by_options(options.values())
        holders = self._holders(options)
        # A dry run has not written what earlier rows change.
        moved = self.seen.by_slug(holders.values())
        lines = {product.slug: row.line for row, _, product in accepted if product}
        # Products that stay as they are come first: they cannot give way.
        order = sorted(options, key=lambda line: not self._stays(line))
        refused: dict[int, str] = {}
        while True:
            before = len(refused)
            taken: dict[tuple[str, str], str] = {}
            for line in order:
                if line in refused:
                    continue
                pair = options[line]
                holder = holders.get(pair, "")
                gives_way = not holder or holder in moved or (holder in lines and lines[holder] not in refused)
                if place := taken.get(pair) or seen.get(pair):
                    refused[line] = f"{place} has {self._described(line)}"
                elif not gives_way:
                    refused[line] = f"the product {shown(holder)} has {self._described(line)}"
                else:
                    taken[pair] = f"line {line}{self.place}"
            if len(refused) == before:
                return refused

    def _stays(self, line: int) -> bool:
        wanted = self.wanted[line]
        return (
            wanted.product is not None
            and wanted.product.options_key == _options(wanted.rows)
            and (wanted.product.group_id == (wanted.group and wanted.group.pk))
        )

    def _holders(self, lines: Iterable[int]) -> dict[tuple[str, str], str]:
        """The slugs of the products that have these options."""
        wanted = [self.wanted[line] for line in lines]
        groups = {each.group.pk for each in wanted if each.group and each.group.pk}
        if not groups:
            return {}
        keys = {_options(each.rows) for each in wanted}
        some = Product.objects.filter(group__in=groups, options_key__in=keys).order_by()
        return {
            (f"{group}", key or ""): slug for group, key, slug in some.values_list("group_id", "options_key", "slug")
        }

    def _described(self, line: int) -> str:
        wanted = self.wanted[line]
        # As the row spells them: whether an earlier row has made the value does not matter.
        texts = [f"{each.name or each.attribute} {_text(each)}" for each in wanted.row.attributes]
        said = f": {', '.join(texts)}" if texts else ""
        return f"the same options in the group {shown(wanted.group.slug if wanted.group else '')}{said}"

    def make(self, accepted: Sequence[Accepted]) -> None:
        """Makes the attributes, values and groups of the accepted rows that do not exist."""
        if self.is_empty or self.is_dry_run:
            return
        self._make_values(accepted)
        self._make_groups(accepted)

    def _make_values(self, accepted: Sequence[Accepted]) -> None:
        missing = any(
            each.attribute.pk is None or each.slot < 0 for row, _, _ in accepted for each in self.wanted[row.line].rows
        )
        if not missing:
            return
        made = resolve({row.line: row.attributes for row, _, _ in accepted if row.attributes}, create=True)
        for row, _, _ in accepted:
            wanted, old = self.wanted[row.line], self._resolved.rows.get(row.line, [])
            kept = wanted.rows[: len(wanted.rows) - len(old)]
            wanted.rows = kept + made.rows.get(row.line, [])

    def _make_groups(self, accepted: Sequence[Accepted]) -> None:
        used = {wanted.group.slug for row, _, _ in accepted if (wanted := self.wanted[row.line]).group}
        new = [group for slug, group in self._groups.items() if group.pk is None and slug in used]
        ProductGroup.objects.bulk_create(new)
        if any(group.pk is None for group in new):  # MySQL does not return the keys of rows.
            slugs = [group.slug for group in new]
            for slug, pk in ProductGroup.objects.filter(slug__in=slugs).values_list("slug", "pk"):
                self._groups[slug].pk = pk
        renamed = {}
        for row, _, _ in accepted:
            if row.group and row.group.is_title and (group := self._groups[row.group.slug]).name != row.group.name:
                group.name = row.group.name
                renamed[group.slug] = group
        if renamed:
            ProductGroup.objects.bulk_update(renamed.values(), ["name"])

    def changes(self, row: ProductRow) -> dict[str, tuple[str, ...]]:
        """The old and new values of the attributes that change, by "attribute: " and their names, and of the group."""
        if self.is_empty:
            return {}
        wanted = self.wanted[row.line]
        changed: dict[str, tuple[str, ...]] = {}
        if differs(wanted.stored, wanted.rows):
            old, new = _texts(wanted.stored), _texts(wanted.rows)
            nothing = ("", "")
            for slug, (name, _) in {**old, **new}.items():
                pair = old.get(slug, nothing)[1], new.get(slug, nothing)[1]
                if pair[0] != pair[1]:
                    changed[f"{ATTRIBUTE}{name}"] = pair
        if _group_key(wanted.group) != _group_key(wanted.old_group):
            changed["group"] = tuple(group.name if group else "" for group in (wanted.old_group, wanted.group))
        return changed

    def fill(self, row: ProductRow, product: Product) -> bool:
        """Sets the product's group and options. Returns whether either was different."""
        if self.is_empty:
            return False
        wanted = self.wanted[row.line]
        before = product.group_id, product.options_key
        product.group_id = wanted.group.pk if wanted.group else None
        product.options_key = _options(wanted.rows) if wanted.group else None
        return before != (product.group_id, product.options_key)

    def options(self, row: ProductRow) -> tuple[str, str] | None:
        """The row's group and options, as later batches are to know them."""
        return None if self.is_empty else self.wanted[row.line].options

    def new_attributes(self, accepted: Sequence[Accepted]) -> list[Attribute]:
        """The attributes of these rows that do not exist yet. To be asked before `make`."""
        rows = [each for row, _, _ in accepted if row.line in self.wanted for each in self.wanted[row.line].rows]
        return [*{each.attribute.slug: each.attribute for each in rows if each.attribute.pk is None}.values()]

    def write(self, accepted: Iterable[tuple[ProductRow, Product]]) -> None:
        """Writes the values of these products, which are saved."""
        if not self.is_empty:
            new = [product.pk for row, product in accepted if self.wanted[row.line].product is None]
            write_rows({product.pk: self.wanted[row.line].rows for row, product in accepted}, new_products=new)


def _group_key(group: ProductGroup | None) -> str:
    if group is None:
        return ""
    return f"{group.pk}" if group.pk else f"new {group.slug}"


def _options(rows: Sequence[ProductAttribute]) -> str:
    """As `options_key`; for values that do not exist yet a text that no product has."""
    if all(row.attribute.pk is not None and row.slot >= 0 for row in rows):
        return options_key(rows)
    parts = [
        (row.attribute.slug, row.value.key if row.value else text_of(None, row.number, row.boolean)) for row in rows
    ]
    return f"new {sorted(parts)!r}"


def _texts(rows: Iterable[ProductAttribute]) -> dict[str, tuple[str, str]]:
    """The name and the values of each attribute, by its slug."""
    texts: dict[str, tuple[str, list[str]]] = {}
    for row in rows:
        attribute = row.attribute
        text = text_of(row.value.text if row.value else None, row.number, row.boolean)
        several = texts.setdefault(attribute.slug, (attribute.name, []))[1]
        several.append(f"{text} {attribute.unit}" if attribute.unit else text)
    return {slug: (name, ", ".join(sorted(several))) for slug, (name, several) in texts.items()}


def _text(given: AttributeInput) -> str:
    return f"{text_of(given.text, given.number, given.boolean)} {given.unit}".strip()


def _reason(row: ProductRow, errors: Sequence[FieldError]) -> str:
    error = errors[0]
    name = ""
    if error.path and str(error.path[0]).isdigit():
        given = row.attributes[int(error.path[0])]
        name = f"the attribute {shown(given.name or given.attribute)}: "
    return name + error.message.rstrip(".")
