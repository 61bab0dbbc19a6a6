"""What a search answers today, and what it would answer with a synonym or a rule that is being edited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from catalog.category_tree import CategoryTree
from catalog.models import Category, Product
from catalog.search.criteria import SearchCriteria, Steering
from catalog.search.engine import engine
from catalog.search.pages import parse_page
from catalog.search.steering.inputs import RuleInput, SynonymInput
from catalog.search.steering.selectors import read_snapshot, redirect_of
from catalog.search.steering.snapshot import Snapshot
from catalog.search.validation import SearchInput, parse_criteria
from catalog.selectors import Relations, read_products
from core.errors import ErrorCode, InvalidInput
from core.parsing import MAX_PAGE_SIZE

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Row:
    """A product at a place, counted from 1, and its place on the other side; None beyond the first hundred."""

    product: Product
    place: int
    other_place: int | None
    is_pinned: bool

    @property
    def places_up(self) -> int:
        """How many places higher the product is here than on the other side, when it is on both."""
        return max(0, (self.other_place or self.place) - self.place)

    @property
    def places_down(self) -> int:
        return max(0, self.place - (self.other_place or self.place))


@dataclass(frozen=True, kw_only=True)
class Side:
    """The first products of a search, how many there are on all pages, and what staff decided about the text."""

    rows: Sequence[Row]
    total: int
    steering: Steering
    redirect: Category | None


@dataclass(frozen=True)
class Preview:
    """The answer to a text today, and as it would be."""

    text: str
    today: Side
    edited: Side


def preview_synonym(text: str, synonym: SynonymInput, *, replaced: int | None) -> Preview:
    """The preview of a synonym in use, in place of the stored one with the id `replaced`. Raises InvalidInput."""
    stored = read_snapshot()
    synonyms = {**stored.synonyms, replaced: replace(synonym, is_active=True)}
    return _preview(text, stored, Snapshot(synonyms, stored.rules))


def preview_rule(text: str, rule: RuleInput, *, replaced: int | None) -> Preview:
    """The preview of a rule in force, whatever its dates, in place of the stored one. Raises InvalidInput."""
    stored = read_snapshot()
    in_force = replace(rule, is_active=True, active_from=None, active_until=None)
    return _preview(text, stored, Snapshot(stored.synonyms, {**stored.rules, replaced: in_force}))


def _preview(text: str, stored: Snapshot, edited: Snapshot) -> Preview:
    criteria = parse_criteria(SearchInput(text=text))
    if criteria.text is None:
        raise InvalidInput.at("preview", message="Give a text to search for.", code=ErrorCode.REQUIRED)
    sides = [replace(criteria, steering=snapshot.steering_of(criteria.text)) for snapshot in (stored, edited)]
    ids = [engine().resolve(side).page(parse_page(side, first=MAX_PAGE_SIZE)).ids for side in sides]
    shown = [pk for found in ids for pk in found[:SHOWN]]
    relations = Relations(images=True, renditions=True)
    products = {product.pk: product for product in read_products(list(dict.fromkeys(shown)), relations=relations)}
    today, then = (
        _side(side, found, other, products) for side, found, other in zip(sides, ids, ids[::-1], strict=True)
    )
    return Preview(criteria.text, today, then)


def _side(
    criteria: SearchCriteria, ids: Sequence[int], other_ids: Sequence[int], products: Mapping[int, Product]
) -> Side:
    other_places = {pk: place for place, pk in enumerate(other_ids, start=1)}
    return Side(
        rows=[
            Row(products[pk], place, other_places.get(pk), pk in criteria.steering.pinned)
            for place, pk in enumerate(ids[:SHOWN], start=1)
            if pk in products
        ],
        total=engine().resolve(criteria).total(),
        steering=criteria.steering,
        redirect=redirect_of(criteria, CategoryTree.load),
    )
