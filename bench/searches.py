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


def engine_shapes(engine: Any, deep: Any) -> list[Shape]:
    """The searches for an engine; `deep` is the position before page 25,000 by price."""
    tree = CategoryTree.load()
    page = Page(20)

    def criteria_of(**given: Any) -> SearchCriteria:
        return parse_criteria(SearchInput(**given), tree=lambda: tree)

    def find(at: Page = page, **given: Any) -> Callable[[], object]:
        criteria = criteria_of(**given)
        return lambda: engine.resolve(criteria, at.position).page(at)

    def afresh(call: Callable[[], object]) -> Callable[[], object]:
        """Without the results that the index kept."""

        def call_afresh() -> object:
            store.reader.snapshot().results.clear()
            return call()

        return call_afresh

    def count(**given: Any) -> Callable[[], object]:
        criteria = criteria_of(**given)
        return afresh(lambda: engine.resolve(criteria).total())

    def facets(*names: str, **given: Any) -> Callable[[], object]:
        criteria = criteria_of(**given)

        def call() -> object:
            facets = engine.resolve(criteria).facets(lambda: tree, names)
            return [getattr(facets, name)() for name in names]

        return call

    three = facets("categories", "brands", "price")

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
        ("category + price, by price", find(categories=leaf, price=middle, sort=SortField.PRICE)),
        (
            "category + price, by created",
            find(categories=leaf, price=middle, sort=SortField.CREATED_AT, descending=True),
        ),
        ("five filters, by rating", find(**five, sort=SortField.RATING, descending=True)),
        ("everything, by price", find(sort=SortField.PRICE)),
        ("everything, by name", find(sort=SortField.NAME)),
        ("page 25,000, by price", find(Page(20, position=deep), sort=SortField.PRICE)),
        ("a rare word", find(text="quixotic")),
        ("a word in every row, best", find(text="handmade")),
        ("a word in every row, by price", find(text="handmade", sort=SortField.PRICE)),
        ("a common word", find(text="lamp")),
        ("two common words", find(text="oak chair")),
        ("the beginning of a word", find(text="green mir")),
        ("a typo", find(text="walnt cushon")),
        ("a common word under a 95 % filter", find(text="lamp", price=Range(Decimal(6), None))),
        ("partial matches", find(text="lamp qqqqq blue")),
        ("brand counts in a category", afresh(facets("brands", categories=["root-1"]))),
        ("category counts over all", afresh(facets("categories"))),
        ("three facets at once", afresh(three)),
        ("three facets asked again", three),
        ("facets of a text", afresh(facets("categories", "brands", "price", text="lamp"))),
        ("exact total of everything", count()),
        ("exact total", count(price=middle)),
        ("exact total of a text", count(text="lamp")),
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
