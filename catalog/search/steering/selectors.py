"""Answers what staff decided about a text, from a snapshot that follows the database within seconds."""

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

logger = logging.getLogger(__name__)

# A change is in force everywhere after so long.
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
    """The snapshot of one process. Each `max_age_seconds` one query asks whether the database has changed."""

    def __init__(self, *, max_age_seconds: float = MAX_AGE_SECONDS, snapshot: Snapshot | None = None) -> None:
        self.max_age_seconds = max_age_seconds
        self._lock = threading.Lock()
        self._snapshot = snapshot
        self._token: str | None = None
        self._checked_at = -math.inf if snapshot is None else time.monotonic()

    def current(self) -> Snapshot:
        """The snapshot, which is as the database was at most `max_age_seconds` ago, or when it last answered."""
        snapshot = self._snapshot
        if snapshot is not None and not self._is_old():
            return snapshot
        # One thread looks for changes. The others go on with the old snapshot, or wait for the first one.
        if self._lock.acquire(blocking=snapshot is None):
            try:
                if self._is_old():
                    self._refresh()
            finally:
                self._lock.release()
        return self._snapshot or EMPTY

    def _is_old(self) -> bool:
        return time.monotonic() - self._checked_at >= self.max_age_seconds

    def _refresh(self) -> None:
        self._checked_at = time.monotonic()
        try:
            # The token comes first: a change between the two is read now or noticed the next time.
            token = SteeringVersion.objects.filter(pk=ONLY_KEY).values_list("token", flat=True).first()
            if self._snapshot is None or token != self._token:
                self._snapshot, self._token = read_snapshot(), token
        except Error as error:
            logger.warning("synonyms and search rules could not be read, so the last ones stay in force: %s", error)


snapshots = SnapshotCache()


def steering_of(text: str) -> Steering:
    """What staff decided about the text of a search."""
    return snapshots.current().steering_of(text)


def redirect_of(criteria: SearchCriteria, tree: Callable[[], CategoryTree]) -> Category | None:
    """The category that a storefront may open instead. `tree` is called only if a rule names one."""
    key = criteria.steering.redirect
    # The category may have been deleted since the snapshot was read.
    return None if key is None else tree().by_id.get(key)
