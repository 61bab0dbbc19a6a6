"""The admin's front page: what needs a person, each with a number, a sentence and the page where it is mended.

The apps register what they know. Each yields entries for what the user may mend, at the cost of one query that an
index answers and that ends at MAX_COUNT rows.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from core.auth.policy import Actor
from core.jobs import readiness

MAX_COUNT = 1000


@dataclass(frozen=True)
class Entry:
    """A line of the front page: "3", "images could not be processed.", and a button to a page."""

    number: str
    sentence: str
    button: str
    address: str


@dataclass(frozen=True)
class JobPage:
    """Where the jobs of a kind are listed, for the entry that they are overdue."""

    name: str
    address: Callable[[], str]
    may: Callable[[Actor], bool]


Entries = Callable[[Actor], Iterable[Entry]]
_registered: list[Entries] = []
_job_pages: dict[str, JobPage] = {}


def register(entries: Entries) -> None:
    """Adds a function that yields the entries for an actor. For an app's ready()."""
    _registered.append(entries)


def register_job_page(kind: str, name: str, *, address: Callable[[], str], may: Callable[[Actor], bool]) -> None:
    """Says where the jobs of a kind (core.jobs.readiness) are seen, and what they are called ("mails")."""
    _job_pages[kind] = JobPage(name, address, may)


def counted(rows: QuerySet, one: str, many: str, *, button: str, address: str) -> Iterator[Entry]:
    """An entry with the number of the rows, up to MAX_COUNT; none without rows. One query."""
    yield from numbered(rows.order_by()[:MAX_COUNT].count(), one, many, button=button, address=address)


def numbered(number: int, one: str, many: str, *, button: str, address: str) -> Iterator[Entry]:
    """An entry with this number; none for 0."""
    if number:
        shown = f"{MAX_COUNT - 1}+" if number >= MAX_COUNT else str(number)
        yield Entry(shown, one if number == 1 else many, button, address)


def list_of(model: str, **query: str) -> str:
    """The address of a model's list, such as "users_outgoingmail", with a filter."""
    address = reverse(f"admin:{model}_changelist")
    return f"{address}?{urlencode(query)}" if query else address


def front_page(request: HttpRequest) -> HttpResponse:
    """Django's front page of the admin, with what needs a person above the list of models."""
    entries = [entry for entries in (*_registered, _overdue) for entry in entries(request.user)]
    return admin.site.index(request, {"title": "Today", "needs": entries})


def _overdue(actor: Actor) -> Iterator[Entry]:
    """Jobs that should have been done already: the worker is down, or has more than it can do."""
    pages = {kind: page for kind, page in _job_pages.items() if page.may(actor)}
    if not pages:
        return
    for kind, seconds in readiness.overdue_seconds().items():
        if kind in pages and seconds > settings.READYZ_OVERDUE_AFTER[kind].total_seconds():
            page = pages[kind]
            sentence = f"is how long {page.name} have waited: tell whoever runs the service that its worker is late."
            yield Entry(_duration(seconds), sentence, "See what waits", page.address())


def _duration(seconds: float) -> str:
    hours = timedelta(seconds=seconds) / timedelta(hours=1)
    if hours >= 48:
        return f"{hours / 24:.0f} days"
    return f"{hours:.0f} hours" if hours >= 2 else f"{max(1, round(hours * 60))} min"
