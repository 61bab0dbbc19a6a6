"""Keeps how often each text was searched for on each day, and what was found. No user and no address is kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from django.db import IntegrityError, connection, models
from django.db.models import Sum

from catalog.text import fold, squeeze
from core.db.fields import BinaryCharField
from core.db.transactions import run_in_transaction

TEXT_LENGTH = 200
# Different texts of one day; further ones are not counted on that day. Processes that add at the same moment may exceed
# it by what each adds at once.
MAX_TEXTS_A_DAY = 10_000
# How many texts a list and a file show.
MAX_TOP_TEXTS = 10_000
COUNTED = ["searches", "without_hits", "hits"]
# Rows that one transaction deletes, and texts that one statement looks up.
BATCH = 1000


class SearchCountQuerySet(models.QuerySet["SearchCount"]):
    """The counts of some days."""

    def top(self, *, without_hits: bool = False) -> list["SearchCount"]:
        """The texts that were searched for most, each with its sums over the days, in rows that are not stored.

        With `without_hits` only texts that found nothing at least once, ordered by how often. The rows have neither
        `typed` nor `hits`; `fill_in_latest` adds them.
        """
        sums = self.order_by().values_list("text").annotate(all=Sum("searches"), vain=Sum("without_hits"))
        sums = sums.filter(vain__gt=0).order_by("-vain", "text") if without_hits else sums.order_by("-all", "text")
        return [
            SearchCount(text=text, searches=searches, without_hits=vain)
            for text, searches, vain in sums[:MAX_TOP_TEXTS]
        ]

    def fill_in_latest(self, rows: Iterable["SearchCount"]) -> None:
        """Sets `typed` and `hits` of rows that `top` returned to those of the latest day on which they are known."""
        by_text = {row.text: row for row in rows}
        texts = list(by_text)
        for start in range(0, len(texts), BATCH):
            stored = self.filter(text__in=texts[start : start + BATCH]).order_by("text", "day")
            for text, typed, hits in stored.values_list("text", "typed", "hits"):
                row = by_text[text]
                row.typed = typed
                row.hits = row.hits if hits is None else hits


class SearchCount(models.Model):
    """How often a text was searched for on one day (UTC)."""

    day = models.DateField()
    # As `key_of` returns it. The same text in another case, or with other accents, is the same row.
    text = BinaryCharField(max_length=TEXT_LENGTH)
    # The text with its accents, as it was typed first on that day. In Thai and Hindi the folded text is not readable.
    typed = BinaryCharField("text", max_length=TEXT_LENGTH)
    searches = models.PositiveIntegerField()
    # Those of the searches for which the text alone, without any filter, found nothing.
    without_hits = models.PositiveIntegerField("found nothing")
    # How many products the text alone found when that was last known on the day.
    hits = models.PositiveIntegerField(null=True)

    objects = SearchCountQuerySet.as_manager()

    class Meta:
        verbose_name = "search text"
        constraints = [models.UniqueConstraint(name="search_count_once_a_day", fields=["day", "text"])]
        # The sums over many days are read from this index alone, text by text.
        indexes = [
            models.Index(name="search_count_sums", fields=["text", "day", "searches", "without_hits"]),
            models.Index(name="search_count_in_vain", fields=["day", "without_hits", "text"]),
        ]

    def __str__(self) -> str:
        return f"{self.typed} ({self.day})"


@dataclass(slots=True)
class Tally:
    """Searches for one text on one day that are not stored yet."""

    typed: str
    searches: int = 0
    without_hits: int = 0
    # Searches that found nothing with filters: they count as `without_hits` if the text alone finds nothing.
    filtered_to_nothing: int = 0
    # What the text alone found. None: unknown; then it is at least `min_hits`.
    hits: int | None = None
    min_hits: int = 0

    def add(self, other: "Tally") -> None:
        """Adds later searches for the same text."""
        self.searches += other.searches
        self.without_hits += other.without_hits
        self.filtered_to_nothing += other.filtered_to_nothing
        self.min_hits = max(self.min_hits, other.min_hits)
        if other.hits is not None or (self.hits is not None and self.hits < other.min_hits):
            self.hits = other.hits

    def add_to(self, row: SearchCount) -> None:
        row.searches += self.searches
        row.hits = row.hits if self.hits is None else self.hits
        row.without_hits += self.without_hits + (self.filtered_to_nothing if row.hits == 0 else 0)


def key_of(text: str) -> str:
    """The text without case, accents and superfluous white space, at most TEXT_LENGTH characters."""
    return squeeze(fold(text))[:TEXT_LENGTH].rstrip()


def known_hits(day: date, texts: Iterable[str]) -> dict[str, int]:
    """How many products each text found on the day, where that is known. The texts are keys."""
    stored = SearchCount.objects.filter(day=day, text__in=list(texts)).values_list("text", "hits")
    return {text: hits for text, hits in stored if hits is not None}


def store(day: date, tallies: Mapping[str, Tally]) -> int:
    """Adds the tallies of some texts, by their keys, to those of the day, in one transaction.

    Texts that the day has no room for are left out. Returns how many searches those were.
    """
    # When two processes insert the same text at once, the later is run again and finds the row.
    return run_in_transaction(partial(_store, day, tallies), again_on=(IntegrityError,))


def _store(day: date, tallies: Mapping[str, Tally]) -> int:
    # Every process locks the rows in the order of the texts, so that two do not wait for each other.
    locked = SearchCount.objects.select_for_update().filter(day=day, text__in=list(tallies)).order_by("text")
    rows = [SearchCount(day=day, **values) for values in locked.values("text", "typed", *COUNTED)]
    new_texts = sorted(tallies.keys() - {row.text for row in rows}, key=lambda text: (-tallies[text].searches, text))
    room = max(0, MAX_TEXTS_A_DAY - SearchCount.objects.filter(day=day).count()) if new_texts else 0
    new_rows = [
        SearchCount(day=day, text=text, typed=tallies[text].typed, searches=0, without_hits=0)
        for text in sorted(new_texts[:room])
    ]
    for row in (*rows, *new_rows):
        tallies[row.text].add_to(row)
    SearchCount.objects.bulk_create(new_rows)
    # An upsert of rows that exist: one statement, where `bulk_update` takes a second to build its own for 1,000 rows.
    has_target = connection.features.supports_update_conflicts_with_target
    SearchCount.objects.bulk_create(
        rows, update_conflicts=True, update_fields=COUNTED, unique_fields=["day", "text"] if has_target else None
    )
    return sum(tallies[text].searches for text in new_texts[room:])


def delete_old(today: date, days: int) -> int:
    """Deletes the counts of all but the last `days` days, today included. Returns the number of rows."""
    old = SearchCount.objects.filter(day__lte=today - timedelta(days=days))
    deleted = 0
    while keys := list(old.order_by("day").values_list("pk", flat=True)[:BATCH]):
        deleted += run_in_transaction(partial(_delete, keys))
    return deleted


def _delete(keys: list[int]) -> int:
    return SearchCount.objects.filter(pk__in=keys).delete()[0]
