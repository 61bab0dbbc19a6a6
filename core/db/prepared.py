"""Rows by their keys, for the paths that every request takes: SQL made once, and instances without ceremony.

Django makes the same SQL anew for each question, which costs more than the database's answer.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet
from django.db.models.base import ModelState

Row = TypeVar("Row", bound=Model)
# Numbers that stand for the real ones while SQL is made; no other number of a statement is one of them.
_MARK = 2_000_000_000


class _Statement(NamedTuple):
    """A SELECT: its parameters (of those marked, the index among the numbers), and what makes Python of its columns."""

    sql: str
    params: list[tuple[bool, Any]]
    converters: dict[int, tuple[list[Any], Any]]


class Prepared:
    """A question by whole numbers (keys mostly); its SQL is made once for each count of them.

    `make` answers the `values_list` queryset for a list of numbers.
    """

    def __init__(self, make: Callable[[list[int]], QuerySet[Any, Any]]) -> None:
        self._make = make
        self._statement = lru_cache(maxsize=128)(self._compile)

    def __call__(self, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
        """The rows, in the database's order; none for no numbers."""
        if not numbers:
            return []
        statement = self._statement(len(numbers))
        params = [numbers[value] if marked else value for marked, value in statement.params]
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, params)
            rows = cursor.fetchall()
        if not rows or not statement.converters:
            return rows
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for index, (converters, expression) in statement.converters.items():
            for convert in converters:
                columns[index] = [convert(value, expression, connection) for value in columns[index]]
        return list(zip(*columns, strict=True))

    def _compile(self, count: int) -> _Statement:
        marks = {_MARK + index: index for index in range(count)}
        compiler = self._make(list(marks)).query.get_compiler(DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        selected = [expression for expression, *_ in compiler.select or ()]
        known = [(True, marks[value]) if value in marks else (False, value) for value in params]
        return _Statement(sql, known, compiler.get_converters(selected))


class _Stored(ModelState):
    """The state of an instance whose row is there."""

    adding = False
    db = DEFAULT_DB_ALIAS


def instances(model: type[Row], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[Any, Row]:
    """A model instance for each row of these columns (attribute names), by the first of them, the key.

    Other fields are deferred, as by `only`. As `Model.from_db` makes them, past `__init__` and its signals, which cost
    ten times the rest.
    """
    made = {}
    for row in rows:
        made[row[0]] = instance = model.__new__(model)
        instance.__dict__ = values = dict(zip(columns, row, strict=True))
        values["_state"] = _Stored()
    return made
