"""Prepared queries by integers, and fast model instances, for the queries that every request makes.

Django compiles the SQL anew for each query, and converts each value by several calls. Both take longer than the
database's answer. So the SQL is compiled once, and the loops over rows are Python source made for their columns.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Model, QuerySet
from django.db.models.base import ModelState

Row = TypeVar("Row", bound=Model)
Rows = Sequence[tuple[Any, ...]]
# Placeholders for the real numbers while SQL is compiled: numbers from here on, which no statement has of its own.
_FIRST_PLACEHOLDER = 2_000_000_000
_MAX_PREPARED_INSTANCES = 500


class _Statement(NamedTuple):
    """A compiled SELECT. Its text has a %s in each place of a number. `convert` makes Python's values of rows."""

    sql: str
    convert: Callable[[Rows], Rows] | None


class Prepared:
    """A query by integers, mostly keys. Its SQL is compiled once.

    `make` returns the `values_list` queryset for a list of integers: any count of them in one place (`pk__in`), or
    exactly `places` of them, each in a place of its own and in this order.
    """

    def __init__(self, make: Callable[[list[int]], QuerySet[Any, Any]], *, places: int = 1) -> None:
        self._make, self._places = make, places

    def __call__(self, numbers: Sequence[int]) -> Rows:
        """The rows in the database's order. Without numbers it makes no query."""
        if not numbers:
            return ()
        sql, convert = self._statement
        # Each look at `connection` would look it up again.
        database: Any = connections[DEFAULT_DB_ALIAS]
        params: Sequence[int] | None = None
        if database.vendor == "mysql":
            # The driver would write the numbers into the text too, but one by one and in Python.
            texts: Iterable[str] = map(int.__repr__, numbers)
        else:
            params, texts = numbers, ["%s"] * len(numbers)
        text = sql % (", ".join(texts) if self._places == 1 else tuple(texts))
        if params is None and database.reads_directly():
            rows: Rows = database.read(text)
        else:
            with database.cursor() as cursor:
                cursor.execute(text, params)
                rows = cursor.fetchall()
        return convert(rows) if convert and rows else rows

    @cached_property
    def _statement(self) -> _Statement:
        placeholders = [_FIRST_PLACEHOLDER + place for place in range(self._places)]
        compiler = self._make(placeholders).query.get_compiler(DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        if [value for value in params if value in placeholders] != placeholders or "%%" in sql:
            raise ValueError(f"This query cannot be prepared: {sql}")
        texts = ["%s" if value in placeholders else int.__repr__(value) for value in params]
        selected = [expression for expression, *_ in compiler.select or ()]
        return _Statement(sql % tuple(texts), _converting(compiler.get_converters(selected), len(selected)))


def _converting(converters: dict[int, tuple[list[Any], Any]], width: int) -> Callable[[Rows], Rows] | None:
    """The function that converts rows of so many columns; None when there is nothing to convert."""
    if not converters:
        return None
    names: dict[str, Any] = {"connection": connection, "booleans": {0: False, 1: True}}
    names |= {"combine": datetime.combine, "utc": UTC}
    values = [f"c{index}" for index in range(width)]
    row = ", ".join(values) + ","
    for index, (functions, expression) in converters.items():
        for number, function in enumerate(functions):
            values[index] = _converted(values[index], f"_{index}_{number}", function, expression, names)
    converting: Callable[[Rows], Rows] = eval(f"lambda rows: [({', '.join(values)},) for {row} in rows]", names)  # noqa: S307
    return converting


def _converted(value: str, suffix: str, function: Any, expression: Any, names: dict[str, Any]) -> str:
    """Python source that does what Django's converter does to the value."""
    ops: Any = connection.ops
    if function == ops.convert_booleanfield_value:
        return f"booleans.get({value}, {value})"
    if connection.vendor == "mysql" and function == ops.convert_datetimefield_value and connection.timezone is UTC:
        # As `replace(tzinfo=UTC)`, which takes three times as long.
        return f"{value} and combine({value}, {value}.time(), utc)"
    names[f"f{suffix}"], names[f"e{suffix}"] = function, expression
    return f"f{suffix}({value}, e{suffix}, connection)"


class _Stored(ModelState):
    """The state of an instance that was read from the database."""

    adding = False
    db = DEFAULT_DB_ALIAS


def instances(model: type[Row], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[Any, Row]:
    """A model instance for each row of these columns (attribute names), by its first column, the key.

    Other fields are deferred, as by `only`. Skips `__init__` and its signals, which take ten times as long as the rest.
    """
    return dict(_making(model, tuple(columns))(rows))


@lru_cache(maxsize=_MAX_PREPARED_INSTANCES)
def _making(
    model: type[Row], columns: tuple[str, ...]
) -> Callable[[Iterable[Sequence[Any]]], Iterator[tuple[Any, Row]]]:
    """The generator of keys and instances."""
    row = ", ".join(f"c{index}" for index in range(len(columns))) + ","
    values = ", ".join(f"{name!r}: c{index}" for index, name in enumerate(columns))
    source = f"""def making(rows):
    for {row} in rows:
        instance = new(model)
        instance.__dict__ = {{{values}, "_state": state()}}
        yield c0, instance
"""
    names: dict[str, Any] = {"new": object.__new__, "model": model, "state": _Stored}
    exec(source, names)  # noqa: S102
    making: Callable[[Iterable[Sequence[Any]]], Iterator[tuple[Any, Row]]] = names["making"]
    return making
