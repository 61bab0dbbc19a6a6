"""What the index in the cluster is at this moment, and what was counted and looked up since it last changed."""

import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, field

import orjson
from django.conf import settings

from catalog.search.index.snapshots import KeptResults
from catalog.search.matching.search import Results
from catalog.search.opensearch.client import Client, ClusterFailed, IndexMissing, client
from catalog.search.opensearch.mapping import alias
from catalog.search.opensearch.vocabulary import KeptWords

# How long the state of the index is taken for known. A change is found that much later, at most.
FRESH_SECONDS = 0.25


@dataclass
class Moment:
    """The index in use, and what its mapping says of the changes that were applied to it."""

    name: str
    state: Hashable
    results: Results = field(default_factory=KeptResults)
    # The attribute of each value that was counted.
    attribute_of: dict[int, int] = field(default_factory=dict)
    words: KeptWords = field(default_factory=KeptWords)


class Moments:
    """Looks up the state of the index, once for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moment: Moment | None = None
        self._looked_up = (0.0, "")

    def now(self) -> Moment:
        """The index at this moment. Raises ClusterFailed."""
        moment = self._moment
        if moment is None or not self._is_fresh():
            with self._lock:
                moment = self._moment
                if moment is None or not self._is_fresh():
                    moment = self._moment = self._look_up(client())
        return moment

    def state(self) -> Hashable:
        """What tells this moment from others; None when the cluster does not say."""
        try:
            return self.now().state
        except ClusterFailed:
            return None

    def forget(self) -> None:
        """Looks the state up again, even if it is fresh."""
        self._looked_up = (0.0, "")

    def _is_fresh(self) -> bool:
        looked_up, name = self._looked_up
        return time.monotonic() - looked_up < FRESH_SECONDS and name == alias() and not settings.SEARCH_INDEX_SYNC

    def _look_up(self, cluster: Client) -> Moment:
        name, started = alias(), time.monotonic()
        mappings = cluster.request("GET", f"/{name}/_mapping", filter_path="*.mappings._meta")
        if not mappings:
            raise IndexMissing("the search cluster has no index yet")
        ((index, described),) = mappings.items()
        state = (index, orjson.dumps(described["mappings"]["_meta"]["state"]))
        self._looked_up = (started, name)
        last = self._moment
        return last if last is not None and last.state == state else Moment(index, state)


moments = Moments()
