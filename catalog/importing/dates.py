"""Reads dates and times as spreadsheets and shop systems write them. What could mean two days is refused."""

import re
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from catalog.importing.errors import RefusedError, shown

MAX_LENGTH = 60
_TIME = r"(?:,?[T\s]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
_YEAR_FIRST = re.compile(rf"(?P<year>\d{{4}})[/.-](?P<month>\d{{1,2}})[/.-](?P<day>\d{{1,2}}){_TIME}", re.ASCII)
_YEAR_LAST = re.compile(
    rf"(?P<one>\d{{1,2}})(?P<sign>[/.-])(?P<two>\d{{1,2}})(?P=sign)(?P<year>\d{{4}}|\d{{2}}){_TIME}", re.ASCII
)


def created_at_of(what: str, value: str) -> tuple[datetime, bool] | None:
    """The date and time in UTC, and whether it had no offset, so that the shop's time zone was assumed.

    None when blank. A day without a time is its beginning. Raises RefusedError.
    """
    text = value.strip()
    if not text:
        return None
    moment = _parse(what, text)
    is_local = moment.tzinfo is None
    if not 1000 <= moment.year <= 9998:  # MySQL's range, with room for any time zone.
        raise RefusedError(f"{what} {shown(text)} is out of range")
    if is_local:
        moment = moment.replace(tzinfo=timezone.get_default_timezone())
    moment = moment.astimezone(UTC)
    if not 1000 <= moment.year <= 9998:
        raise RefusedError(f"{what} {shown(text)} is out of range")
    return moment, is_local


def readings(text: str, *, end_of_day: bool = False) -> list[datetime]:
    """All moments that the text may mean, in UTC. None when it is blank, zero or no date."""
    text = text.strip()
    texts = [text]
    days = _YEAR_LAST.fullmatch(_blanks(text))
    if days and days["sign"] != "." and int(days["one"]) <= 12 >= int(days["two"]):
        year = days["year"] if len(days["year"]) == 4 else f"20{days['year']}"
        pairs = ((days["one"], days["two"]), (days["two"], days["one"]))
        texts = [f"{year}-{month}-{day}{text[days.end('year') :]}" for month, day in pairs]
    moments = []
    for each in texts:
        try:
            moment = created_at_of("", each)
        except RefusedError:
            continue
        if moment:
            is_day = end_of_day and ":" not in each
            moments.append(moment[0] + timedelta(days=1, microseconds=-1) if is_day else moment[0])
    return moments


def _blanks(text: str) -> str:
    return "".join(" " if c.isspace() else c for c in text)


def _parse(what: str, text: str) -> datetime:
    text = _blanks(text)
    if len(text) > MAX_LENGTH:
        raise RefusedError(f"{what} {shown(text)} is not a date such as 2024-03-05 14:30")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    match = _YEAR_FIRST.fullmatch(text) or _YEAR_LAST.fullmatch(text)
    if match is None:
        raise RefusedError(f"{what} {shown(text)} is not a date such as 2024-03-05 14:30")
    parts = match.groupdict()
    year = int(parts["year"])
    if "one" in parts:
        month, day = _month_and_day(what, text, parts)
        year += 2000 if year < 70 else 1900 if year < 100 else 0
    else:
        month, day = int(parts["month"]), int(parts["day"])
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    if half := (parts["half"] or "").lower().replace(".", ""):
        if not 1 <= hour <= 12:
            raise RefusedError(f"{what} {shown(text)} is no time of a day")
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        raise RefusedError(f"{what} {shown(text)} is no day of the calendar") from None


def _month_and_day(what: str, text: str, parts: dict[str, str]) -> tuple[int, int]:
    one, two = int(parts["one"]), int(parts["two"])
    # With points the day comes first wherever people write so. With AM and PM and a year of two digits it is the form
    # of the United States.
    if parts["sign"] == "." or one > 12:
        return two, one
    if two > 12 or one == two or (parts["half"] and len(parts["year"]) == 2):
        return one, two
    raise RefusedError(f"{what} {shown(text)} could be two days: write it as year-month-day, such as 2024-03-05")
