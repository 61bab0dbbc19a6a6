"""How mysqlclient reads values: moments by C code, which takes a tenth of the time of its own Python function."""

from datetime import datetime
from typing import Any

from django.db.backends.mysql.base import django_conversions
from MySQLdb.constants import FIELD_TYPE  # type: ignore[import-untyped]
from MySQLdb.times import DateTime_or_None  # type: ignore[import-untyped]


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        # Such as 0000-00-00 00:00:00, which other clients may have written.
        read: datetime | None = DateTime_or_None(text)
        return read


# For the argument `conv` of connect().
CONVERSIONS: dict[Any, Any] = {**django_conversions, FIELD_TYPE.DATETIME: _moment, FIELD_TYPE.TIMESTAMP: _moment}
