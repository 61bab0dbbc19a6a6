"""Answers what staff decided about a text, from a snapshot that follows the revision of the catalogue."""

import logging
import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable

from django.db import Error

from catalog.category_tree import CategoryTree
from catalog.models import Category
from catalog.search.criteria import SearchCriteria, Steering
from catalog.search.steering.inputs import RuleInput, SynonymInput
from catalog.search.steering.models import (
    ONLY_KEY,
    RuleAction,
    RuleMatch,
    RuleProduct,
    SearchRule,
    SteeringVersion,
    Synonym,
    SynonymKind,
)
from catalog.search.steering.snapshot import EMPTY, Snapshot
from core.caching import revision
from core.caching.conditions import depends_on

logger = logging.getLogger(__name__)

# Outside of requests, a change is in force after so long.
MAX_AGE_SECONDS = 2.0


def read_snapshot() -> Snapshot:
    """The synonyms and rules in the database, by three queries.

    Leaves out kinds that only a later release knows, whose processes may run beside this one.
    """
    known_synonyms = Synonym.objects.filter(is_active=True, kind__in=SynonymKind.values)
    synonyms: dict[int | None, SynonymInput] = {row.pk: SynonymInput.of(row) for row in known_synonyms}
    products: dict[int, list[tuple[int, str]]] = defaultdict(list)
    rows = RuleProduct.objects.filter(rule__is_active=True, action__in=RuleAction.values).order_by(
        "rule_id", "position", "id"
    )
    for rule_id, product_id, action in rows.values_list("rule_id", "product_id", "action"):
        products[rule_id].append((product_id, action))
    known_rules = SearchRule.objects.filter(is_active=True, match__in=RuleMatch.values)
    rules: dict[int | None, RuleInput] = {row.pk: RuleInput.of(row, products[row.pk]) for row in known_rules}
    return Snapshot(synonyms, rules)


class SnapshotCache:
    """The snapshot of one process. One query asks whether the database has changed, for each revision of the catalogue.

    Where the revision is unknown, it is asked each `max_age_seconds`.
    """

    def __init__(self, *, max_age_seconds: float = MAX_AGE_SECONDS, snapshot: Snapshot | None = None) -> None:
        self.max_age_seconds = max_age_seconds
        self._lock = threading.Lock()
        self._snapshot = snapshot
        self._revision: int | None = None
        self._checked_at = -math.inf if snapshot is None else time.monotonic()

    def current(self) -> Snapshot:
        """The snapshot of the request's revision, at most `max_age_seconds` old, or the last one that could be read."""
        snapshot = self._snapshot
        if snapshot is not None and not self._is_old():
            return snapshot
        # One thread looks for changes. Others wait for it, but go on with the old snapshot where that is good enough.
        if self._lock.acquire(blocking=snapshot is None or revision.known() is not None):
            try:
                if self._is_old():
                    self._refresh()
            finally:
                self._lock.release()
        return self._snapshot or EMPTY

    def _is_old(self) -> bool:
        at = revision.known()
        if at is not None:
            return at != self._revision
        return time.monotonic() - self._checked_at >= self.max_age_seconds

    def _refresh(self) -> None:
        at = revision.known()
        self._checked_at = time.monotonic()
        try:
            # The token comes first: a change between the two is read now or noticed the next time.
            token = SteeringVersion.objects.filter(pk=ONLY_KEY).values_list("token", flat=True).first()
            if self._snapshot is None or token != self._snapshot.token:
                snapshot = read_snapshot()
                snapshot.token = token
                self._snapshot = snapshot
            self._revision = at
        except Error as error:
            logger.warning("synonyms and search rules could not be read, so the last ones stay in force: %s", error)


snapshots = SnapshotCache()


def steering_of(text: str) -> Steering:
    """What staff decided about the text of a search."""
    snapshot = snapshots.current()
    depends_on(_token, snapshot.token)
    return snapshot.steering_of(text)


def _token() -> str | None:
    return snapshots.current().token


def redirect_of(criteria: SearchCriteria, tree: Callable[[], CategoryTree]) -> Category | None:
    """The category that a storefront may open instead. `tree` is called only if a rule names one."""
    key = criteria.steering.redirect
    # The category may have been deleted since the snapshot was read.
    return None if key is None else tree().by_id.get(key)
