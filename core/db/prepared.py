"""Prepared queries by keys, and fast model instances, for the queries that every request makes.

Django compiles the SQL anew for each query, which takes longer than the database's answer.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet
from django.db.models.base import ModelState

Row = TypeVar("Row", bound=Model)
# Placeholders for the real numbers while SQL is compiled: numbers from here on, which no statement has of its own.
_FIRST_PLACEHOLDER = 2_000_000_000


class _Statement(NamedTuple):
    """A compiled SELECT. A parameter is (True, index among the numbers) or (False, value); converters are by column."""

    sql: str
    params: list[tuple[bool, Any]]
    converters: dict[int, tuple[list[Any], Any]]


class Prepared:
    """A query by integers, mostly keys. Its SQL is compiled once for each count of them.

    `make` returns the `values_list` queryset for a list of integers.
    """

    def __init__(self, make: Callable[[list[int]], QuerySet[Any, Any]]) -> None:
        self._make = make
        self._statement = lru_cache(maxsize=128)(self._compile)

    def __call__(self, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
        """The rows in the database's order. Without numbers it makes no query."""
        if not numbers:
            return []
        statement = self._statement(len(numbers))
        params = [numbers[value] if is_placeholder else value for is_placeholder, value in statement.params]
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        if not rows or not statement.converters:
            return rows
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for index, (converters, expression) in statement.converters.items():
            for convert in converters:
                columns[index] = [convert(value, expression, connection) for value in columns[index]]
        return list(zip(*columns, strict=True))

    def _compile(self, count: int) -> _Statement:
        placeholders = {_FIRST_PLACEHOLDER + index: index for index in range(count)}
        compiler = self._make(list(placeholders)).query.get_compiler(DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        selected = [expression for expression, *_ in compiler.select or ()]
        numbered = [(True, placeholders[value]) if value in placeholders else (False, value) for value in params]
        return _Statement(sql, numbered, compiler.get_converters(selected))


class _Stored(ModelState):
    """The state of an instance that was read from the database."""

    adding = False
    db = DEFAULT_DB_ALIAS


def instances(model: type[Row], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[Any, Row]:
    """A model instance for each row of these columns (attribute names), by its first column, the key.

    Other fields are deferred, as by `only`. Skips `__init__` and its signals, which take ten times as long as the rest.
    """
    by_key = {}
    for row in rows:
        by_key[row[0]] = instance = model.__new__(model)
        instance.__dict__ = values = dict(zip(columns, row, strict=True))
        values["_state"] = _Stored()
    return by_key
