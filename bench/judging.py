"""Metrics of search results, and the judgments that they need. bench/relevance.py defines them for a reader."""

import csv
import math
import statistics
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEPTH = 100


@dataclass
class Query:
    """A query with the grades of its judged products. A product is named as in the file, or by its id in the shop."""

    text: str
    kind: str = ""
    grades: dict[Any, float] = field(default_factory=dict)


def ndcg(ids: Sequence[int], grades: Mapping[int, float], depth: int = 10) -> float | None:
    """Normalised discounted cumulative gain of the answer; None when no product has a grade above 0."""

    def gain(ranked: Sequence[float]) -> float:
        return sum((2**grade - 1) / math.log2(rank + 1) for rank, grade in enumerate(ranked[:depth], start=1))

    best = gain(sorted(grades.values(), reverse=True))
    return gain([grades.get(pk, 0.0) for pk in ids]) / best if best else None


def hit(ids: Sequence[int], relevant: Collection[int], depth: int = 10) -> float | None:
    """1 when a relevant product is among the first answers, else 0; None without relevant products."""
    return float(any(pk in relevant for pk in ids[:depth])) if relevant else None


def recall(ids: Sequence[int], relevant: Collection[int], depth: int = DEPTH) -> float | None:
    """The share of the relevant products that are among the first answers; None without relevant products."""
    return len(set(ids[:depth]) & set(relevant)) / len(relevant) if relevant else None


def mean(values: Iterable[float | None]) -> float:
    """The mean of the values that are not None; not a number when there are none."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else math.nan


def lowest_relevant(grades: Collection[float]) -> float:
    """Where the upper quarter of the scale begins: 2.5 of 1 to 3, 3 of 0 to 4. A single grade is relevant itself."""
    low, high = min(grades), max(grades)
    return high - (high - low) / 4


def read_judgments(path: Path) -> list[Query]:
    """The queries of the file, in its order. A product that is judged twice has its higher grade. Exits on mistakes."""
    queries: dict[str, Query] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or ()]
            if missing := {"query", "product", "grade"} - set(rows.fieldnames):
                sys.exit(f"{path} has no column {' and no column '.join(sorted(missing))}.")
            for row in rows:
                text, product = (" ".join((row[name] or "").split()) for name in ("query", "product"))
                if not text or not product:
                    sys.exit(f"{path}, line {rows.line_num}: query or product is blank.")
                query = queries.setdefault(text, Query(text, (row.get("kind") or "").strip()))
                grade = _grade(row["grade"], f"{path}, line {rows.line_num}")
                query.grades[product] = max(grade, query.grades.get(product, 0.0))
    except OSError as error:
        sys.exit(f"{path} cannot be read: {error.strerror}.")
    except (UnicodeDecodeError, csv.Error) as error:
        sys.exit(f"{path} is not CSV in UTF-8: {error}.")
    if not any(grade for query in queries.values() for grade in query.grades.values()):
        sys.exit(f"{path} has no judgment above 0.")
    return list(queries.values())


def in_shop(queries: list[Query]) -> tuple[list[Query], list[str]]:
    """The queries with ids of active products in place of slugs, SKUs and names; and the products that do not exist.

    Queries without any product are left out.
    """
    from catalog.models import Product

    columns: tuple[dict[str, list[int]], ...] = ({}, {}, {})
    named = {product for query in queries for product in query.grades}
    for pk, *texts in Product.objects.filter(is_active=True).values_list("id", "slug", "sku", "name").iterator(2_000):
        for column, text in zip(columns, texts, strict=True):
            if text in named:
                column.setdefault(text, []).append(pk)
    ids = {product: next((column[product] for column in columns if product in column), []) for product in named}
    found = []
    for query in queries:
        grades: dict[int, float] = {}
        for product, grade in query.grades.items():
            grades.update({pk: max(grade, grades.get(pk, 0.0)) for pk in ids[product]})
        if grades:
            found.append(Query(query.text, query.kind, grades))
    return found, sorted(product for product, pks in ids.items() if not pks)


def _grade(cell: str | None, place: str) -> float:
    try:
        grade = float(cell or "")
    except ValueError:
        sys.exit(f"{place}: the grade {cell!r} is not a number.")
    if not 0 <= grade <= 100:
        sys.exit(f"{place}: the grade {cell} is not from 0 to 100.")
    return grade
