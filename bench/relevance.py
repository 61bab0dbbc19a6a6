"""How good the answers of a search are, judged on queries whose right products are known; prints one table.

    .venv/bin/python -m bench.relevance                                        our demo shop and its judged queries
    .venv/bin/python -m bench.relevance judged.csv                             your queries, on the shop of the settings
    .venv/bin/python -m bench.relevance judged.csv --catalogue products.csv    on a shop of its own, from a plain CSV

`judged.csv` (UTF-8) has the columns query, product and grade, one judgment a row; a column `kind` is optional. `product`
is a slug, a SKU or a name; a name that several products have grades them all. A grade is a number from 0 (not relevant)
up. When the shop of the settings has less than half of the products, a temporary shop is made of their names alone.

The index, plain BM25 and, with --database, the database engine answer the same queries in one run. BM25 is a Tantivy
index over name, brand, categories, SKU and description as one text, with English stems, that finds any word.

- nDCG@10: the sum of (2^grade - 1) / log2(rank + 1) over the first ten answers, divided by that of the best possible
  order of the judged products (Burges et al., 2005). A product without a judgment counts as grade 0. The mean of the
  queries that have a grade above 0.
- hit@10: the share of queries with a relevant product among the first ten answers.
- recall@100: the share of a query's relevant products that are among the first 100 answers; the mean of the queries.
- Relevant are the grades from --relevant on; by default the upper quarter of the file's scale, such as 2.5 of 1 to 3.
  Queries without a relevant product count for neither hit@10 nor recall@100.
- no hits: the share of queries that are answered with nothing.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.judging import DEPTH, Query, hit, in_shop, lowest_relevant, mean, ndcg, read_judgments, recall

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "bench" / "judgments" / "demo.csv"
Search = Callable[[str], list[int]]


# --- Shops -------------------------------------------------------------------------------------------------------


def set_up() -> None:
    """Django, on the shop that the environment points at."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings"
    if not os.environ.get("SECRET_KEY"):
        os.environ["DEBUG"] = "1"
    import django

    django.setup()


def reason_against(queries: list[Query]) -> str:
    """Why the shop of the settings cannot be judged: it lacks most of the products, or cannot be read. Else empty."""
    from django.db import Error

    try:
        _, missing = in_shop(queries)
    except Error as error:
        return f"it cannot be read ({error})"
    judged = len({product for query in queries for product in query.grades})
    return f"it has {judged - len(missing):,} of {judged:,} judged products" if len(missing) * 2 > judged else ""


def fill(catalogue: str, queries: list[Query]) -> None:
    """Fills the empty shop: from a plain CSV, with the "demo" shop, or with the judged "names"."""
    from django.core.management import CommandError, call_command

    from catalog.models import Brand, Category, Product

    call_command("migrate", verbosity=0)
    if catalogue == "demo":
        from catalog.demo.seed import seed_demo

        seed_demo()
    elif catalogue == "names":
        place = {
            "category": Category.objects.create(name="-", slug="c"),
            "brand": Brand.objects.create(name="-", slug="b"),
        }
        names = dict.fromkeys(product for query in queries for product in query.grades)
        products = [Product(name=name[:255], slug=f"p-{number}", price=1, **place) for number, name in enumerate(names)]
        for product in products:
            product.fill_keys()
        Product.objects.bulk_create(products, batch_size=2_000)
    else:
        try:
            call_command("import_products", catalogue, stdout=sys.stderr)
        except CommandError as error:
            sys.exit(str(error))


def in_temporary_shop(catalogue: str, arguments: list[str]) -> int:
    """Runs this script again in a process whose settings point at an empty shop on SQLite. Returns its exit status."""
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder:
        environment = {**os.environ, "DEBUG": "1", "LOG_LEVEL": "ERROR", "VAR_DIR": folder, "SEARCH_ENGINE": "tantivy"}
        environment |= {"DATABASE_URL": "", "CACHE_URL": "", "CELERY_BROKER_URL": "", "SEARCH_INDEX_DIR": ""}
        command = [sys.executable, "-m", "bench.relevance", *arguments, "--fill", catalogue]
        return subprocess.run(command, env=environment).returncode


# --- Searches ----------------------------------------------------------------------------------------------------


def searches(with_database: bool) -> Iterator[tuple[str, Search]]:
    """What answers the queries, by the name in the table. Exits when the index is missing."""
    from catalog.search.index import store
    from catalog.search.index.engine import TantivyEngine
    from catalog.search.sql.engine import DatabaseEngine

    try:
        store.current()
    except store.IndexUnavailable as reason:
        sys.exit(f"The index cannot be searched: {reason}. Run: .venv/bin/python manage.py rebuild_index")
    yield "index", by_engine(TantivyEngine())
    if with_database:
        yield "database", by_engine(DatabaseEngine())
    yield "BM25", plain_bm25()


def by_engine(engine: Any) -> Search:
    """A search as both APIs run it, without their rows."""
    from catalog.search.pages import Page
    from catalog.search.validation import SearchInput, parse_criteria
    from core.errors import InvalidInput

    def search(text: str) -> list[int]:
        try:
            criteria = parse_criteria(SearchInput(text=text))
        except InvalidInput:
            return []
        return [position.id for position in engine.resolve(criteria).page(Page(DEPTH)).positions]

    return search


def plain_bm25() -> Search:
    """BM25 as Tantivy has it: stemmed words of one text, any of which is enough, and nothing else."""
    import tantivy

    from catalog.category_tree import CategoryTree
    from catalog.models import Product

    analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.lowercase())
    stemmed = analyzer.filter(tantivy.Filter.stemmer("English")).build()
    schema = (
        tantivy.SchemaBuilder()
        .add_integer_field("id", fast=True)
        .add_text_field("text", tokenizer_name="stemmed")
        .build()
    )
    index, tree = tantivy.Index(schema), CategoryTree.load()
    index.register_tokenizer("stemmed", stemmed)
    writer = index.writer(100_000_000, 1)
    rows = Product.objects.filter(is_active=True).values_list(
        "id", "category_id", "name", "brand__name", "sku", "description"
    )
    for pk, category, *texts in rows.iterator(2_000):
        path = " ".join(each.name for each in tree.path(tree.by_id[category]))
        writer.add_document(tantivy.Document(id=pk, text=" ".join([path, *(text or "" for text in texts)])))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def search(text: str) -> list[int]:
        words = [tantivy.Query.term_query(schema, "text", word) for word in dict.fromkeys(stemmed.analyze(text))]
        query = tantivy.Query.boolean_query([(tantivy.Occur.Should, word) for word in words])
        hits = searcher.search(query, DEPTH, count=False).hits if words else []
        return [int(pk or 0) for pk in searcher.fast_field_values("id", [address for _, address in hits])]

    return search


# --- The table ---------------------------------------------------------------------------------------------------


@dataclass
class Judged:
    """The answers of one engine: the ids for each query, and the milliseconds each took."""

    name: str
    queries: list[Query]
    answers: list[list[int]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def run(self, search: Search) -> "Judged":
        for query in self.queries:
            started = time.perf_counter()
            self.answers.append(search(query.text))
            self.times.append((time.perf_counter() - started) * 1000)
        return self

    def ndcg(self, kind: str | None = None) -> float:
        pairs = zip(self.queries, self.answers, strict=True)
        return mean(ndcg(ids, query.grades) for query, ids in pairs if kind in (None, query.kind))

    def row(self, floor: float) -> list[float]:
        pairs = [
            (ids, {pk for pk, grade in query.grades.items() if grade >= floor and grade})
            for query, ids in zip(self.queries, self.answers, strict=True)
        ]
        empty = mean(float(not ids) for ids in self.answers)
        return [self.ndcg(), mean(hit(*pair) for pair in pairs), mean(recall(*pair) for pair in pairs), empty]


def report(judged: list[Judged], floor: float, worst: int) -> None:
    """The table, nDCG@10 by kind when the file has kinds, and the queries that the first engine answers worst."""
    print(f"{'':24}{'nDCG@10':>10}{'hit@10':>10}{'recall@100':>12}{'no hits':>10}{'median ms':>12}")
    for each in judged:
        first, second, third, empty = each.row(floor)
        print(
            f"{each.name:24}{first:10.3f}{second:10.3f}{third:12.3f}{empty:10.1%}{statistics.median(each.times):12.1f}"
        )
    queries = judged[0].queries
    if kinds := [kind for kind in dict.fromkeys(query.kind for query in queries) if kind]:
        print(f"\n{'nDCG@10 by kind':24}" + "".join(f"{each.name:>10}" for each in judged) + f"{'queries':>10}")
        for kind in kinds:
            count = sum(query.kind == kind for query in queries)
            print(f"{kind:24}" + "".join(f"{each.ndcg(kind):10.3f}" for each in judged) + f"{count:10}")
    if worst:
        print(f"\n{f'the worst for the {judged[0].name}':44}" + "".join(f"{each.name:>10}" for each in judged))
        scores = [[ndcg(each.answers[at], query.grades) for each in judged] for at, query in enumerate(queries)]
        scored = [(row, query.text) for row, query in zip(scores, queries, strict=True) if row[0] is not None]
        for row, text in sorted(scored)[:worst]:
            print(f"{text[:42]:44}" + "".join(f"{score:10.3f}" for score in row))


def main() -> None:
    """Judges the engines and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "judgments", nargs="?", type=Path, help="CSV: query, product, grade; by default our demo shop's"
    )
    parser.add_argument("--catalogue", help='a plain CSV, of which a temporary shop is made; or "demo"')
    parser.add_argument("--database", action="store_true", help="the database engine, too; it is slow")
    parser.add_argument("--relevant", type=float, help="the lowest grade that is relevant")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="list the N worst queries")
    parser.add_argument("--at-least", type=float, metavar="NDCG", help="fail when the index is below this nDCG@10")
    parser.add_argument("--fill", help=argparse.SUPPRESS)
    options = parser.parse_args()
    path, catalogue = options.judgments or DEMO, options.catalogue or ("" if options.judgments else "demo")
    queries = read_judgments(path)
    floor = options.relevant
    if floor is None:
        floor = lowest_relevant([grade for query in queries for grade in query.grades.values()])
    if not options.fill:
        if not catalogue:
            set_up()
            if reason := reason_against(queries):
                print(f"Not on the shop of the settings: {reason}.", file=sys.stderr)
                catalogue = "names"
        if catalogue:
            sys.exit(in_temporary_shop(catalogue, sys.argv[1:]))
    else:
        set_up()
        from catalog.search.index.rebuilding import rebuild

        fill(options.fill, queries)
        rebuild()
    shop = {None: "the shop of the settings", "demo": "the demo shop", "names": "a shop of the judged names alone"}
    found, missing = in_shop(queries)
    if missing:
        print(
            f"{len(missing):,} judged products are not in the shop and left out: {', '.join(missing[:5])} …",
            file=sys.stderr,
        )
    if not found:
        sys.exit("None of the judged products is in the shop.")
    judgments = sum(len(query.grades) for query in found)
    print(f"{path}: {len(found):,} queries, {judgments:,} judgments, relevant from {floor:g}; on", end=" ")
    print(shop.get(options.fill, f"a shop of {options.fill}"), end="\n\n", flush=True)
    judged = [Judged(name, found).run(search) for name, search in searches(options.database)]
    report(judged, floor, options.worst)
    if options.at_least is not None and judged[0].ndcg() < options.at_least:
        sys.exit(f"The index's nDCG@10 is below {options.at_least}: answers got worse. --worst 20 shows where.")


if __name__ == "__main__":
    main()
