"""Writes many rows by few statements: other values into each, or new rows."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def write_rows(
    connection: BaseDatabaseWrapper, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Sets the columns of the rows whose key is the first one. Values are in the form of the database."""
    quote = connection.ops.quote_name
    table, (key, *others) = quote(table), map(quote, columns)
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            # Each statement is a round trip to the server, so one has all values, as a table to join.
            first = ", ".join(f"%s AS {column}" for column in (key, *others))
            more = f" UNION ALL SELECT {', '.join(['%s'] * len(columns))}" * (len(rows) - 1)
            values = ", ".join(f"{table}.{column} = given.{column}" for column in others)
            # STRAIGHT_JOIN: read from that table first, so that only the rows of its keys are read and locked.
            given = f"(SELECT {first}{more}) AS given"
            statement = f"UPDATE {given} STRAIGHT_JOIN {table} ON {table}.{key} = given.{key} SET {values}"  # noqa: S608
            cursor.execute(statement, [*chain.from_iterable(rows)])
        else:
            values = ", ".join(f"{column} = %s" for column in others)
            statement = f"UPDATE {table} SET {values} WHERE {key} = %s"  # noqa: S608
            cursor.executemany(statement, [[*row[1:], row[0]] for row in rows])


def insert_rows(
    connection: BaseDatabaseWrapper, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Adds rows without models. Values are in the form of the database. MySQL's driver puts many into one statement."""
    quote = connection.ops.quote_name
    names, places = ", ".join(map(quote, columns)), ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {quote(table)} ({names}) VALUES ({places})", rows)  # noqa: S608
