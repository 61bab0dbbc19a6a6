"""The searches that bench/search.py times: for the engines, and in plain SQL."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import connection

from catalog.category_tree import CategoryTree
from catalog.search.criteria import Range, SearchCriteria, SortField
from catalog.search.index import store
from catalog.search.pages import Page
from catalog.search.validation import SearchInput, parse_criteria

Shape = tuple[str, Callable[[], object]]
FIRST_PAGE = Page(20)


class Calls:
    """Calls of an engine that can be timed."""

    def __init__(self, engine: Any) -> None:
        self.engine, self.tree = engine, CategoryTree.load()

    def criteria(self, **given: Any) -> SearchCriteria:
        return parse_criteria(SearchInput(**given), tree=lambda: self.tree)

    def page(self, at: Page = FIRST_PAGE, **given: Any) -> Callable[[], object]:
        criteria = self.criteria(**given)
        return lambda: self.engine.resolve(criteria, at.position).page(at)

    def total(self, **given: Any) -> Callable[[], object]:
        criteria = self.criteria(**given)
        return afresh(lambda: self.engine.resolve(criteria).total())

    def facets(self, *names: str, **given: Any) -> Callable[[], object]:
        return afresh(self.facets_again(*names, **given))

    def facets_again(self, *names: str, **given: Any) -> Callable[[], object]:
        criteria = self.criteria(**given)

        def call() -> object:
            facets = self.engine.resolve(criteria).facets(lambda: self.tree, names)
            return [getattr(facets, name)() for name in names]

        return call


def afresh(call: Callable[[], object]) -> Callable[[], object]:
    """The call without the results that the index kept."""

    def call_afresh() -> object:
        store.reader.snapshot().results.clear()
        return call()

    return call_afresh


def engine_shapes(engine: Any, deep: Any) -> list[Shape]:
    """The searches for an engine; `deep` is the position before page 25,000 by price."""
    calls = Calls(engine)
    three = "categories", "brands", "price"
    middle = Range(Decimal(20), Decimal(60))
    five: dict[str, Any] = {
        "categories": ["group-0-0", "group-1-1", "group-2-2"],
        "brands": [f"brand-{number}" for number in range(0, 2000, 7)][:100],
        "price": middle,
        "quantity": Range(5, None),
        "rating": Range(3.0, None),
    }
    leaf = ["leaf-1-1-1"]
    return [
        ("category + price, by price", calls.page(categories=leaf, price=middle, sort=SortField.PRICE)),
        (
            "category + price, by created",
            calls.page(categories=leaf, price=middle, sort=SortField.CREATED_AT, descending=True),
        ),
        ("five filters, by rating", calls.page(**five, sort=SortField.RATING, descending=True)),
        ("everything, by price", calls.page(sort=SortField.PRICE)),
        ("everything, by name", calls.page(sort=SortField.NAME)),
        ("page 25,000, by price", calls.page(Page(20, position=deep), sort=SortField.PRICE)),
        ("a rare word", calls.page(text="quixotic")),
        ("a word in every row, best", calls.page(text="handmade")),
        ("a word in every row, by price", calls.page(text="handmade", sort=SortField.PRICE)),
        ("a common word", calls.page(text="lamp")),
        ("two common words", calls.page(text="oak chair")),
        ("the beginning of a word", calls.page(text="green mir")),
        ("a typo", calls.page(text="walnt cushon")),
        ("a common word under a 95 % filter", calls.page(text="lamp", price=Range(Decimal(6), None))),
        ("partial matches", calls.page(text="lamp qqqqq blue")),
        ("brand counts in a category", calls.facets("brands", categories=["root-1"])),
        ("category counts over all", calls.facets("categories")),
        ("three facets at once", calls.facets(*three)),
        ("three facets asked again", calls.facets_again(*three)),
        ("facets of a text", calls.facets("categories", "brands", "price", text="lamp")),
        ("exact total of everything", calls.total()),
        ("exact total", calls.total(price=middle)),
        ("exact total of a text", calls.total(text="lamp")),
        ("suggestions", lambda: engine.suggest(["green", "mir"], 8)),
    ]


def sql_shapes() -> dict[str, Callable[[], object]]:
    """The same searches in plain SQL, where one would write FULLTEXT or GROUP BY."""

    def run(sql: str, *values: Any) -> Callable[[], object]:
        def call() -> object:
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall()

        return call

    against = "MATCH (name, description) AGAINST (%s IN BOOLEAN MODE)"
    ranked = f"SELECT id FROM catalog_product WHERE is_active AND {against} ORDER BY {against} DESC LIMIT 21"  # noqa: S608
    by_price = f"SELECT id FROM catalog_product WHERE is_active AND {against} ORDER BY price, id LIMIT 21"  # noqa: S608
    grouped = "SELECT {0}, COUNT(*) FROM catalog_product WHERE is_active {1} GROUP BY {0}"
    inside = (
        "AND category_id IN (SELECT leaf.id FROM catalog_category leaf JOIN catalog_category middle ON "
        "leaf.parent_id = middle.id JOIN catalog_category root ON middle.parent_id = root.id "
        "WHERE root.slug = 'root-1')"
    )
    categories, brands = run(grouped.format("category_id", "")), run(grouped.format("brand_id", ""))
    prices = run(
        "SELECT SUM(price < 20), SUM(price BETWEEN 20 AND 39.99), SUM(price BETWEEN 40 AND 79.99), "
        "SUM(price BETWEEN 80 AND 159.99), SUM(price >= 160), MIN(price), MAX(price) "
        "FROM catalog_product WHERE is_active"
    )
    return {
        "a rare word": run(ranked, "+quixotic", "+quixotic"),
        "a word in every row, best": run(ranked, "+handmade", "+handmade"),
        "a word in every row, by price": run(by_price, "+handmade"),
        "a common word": run(ranked, "+lamp", "+lamp"),
        "two common words": run(ranked, "+oak +chair", "+oak +chair"),
        "the beginning of a word": run(ranked, "+green +mir*", "+green +mir*"),
        "brand counts in a category": run(grouped.format("brand_id", inside)),
        "category counts over all": categories,
        "three facets at once": lambda: (categories(), brands(), prices()),
        "exact total": run("SELECT COUNT(*) FROM catalog_product WHERE is_active AND price BETWEEN 20 AND 60"),
        "exact total of a text": run(f"SELECT COUNT(*) FROM catalog_product WHERE is_active AND {against}", "+lamp"),  # noqa: S608
    }
