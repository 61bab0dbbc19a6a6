"""The cluster's indexes as catalog.search.following sees them. Searches find the one in use behind an alias.

vitrine-<fingerprint>               the alias of the index that this version of the code uses
vitrine-<fingerprint>-<id>          an index; its mapping's _meta says how far it is (catalog.search.log)
written-vitrine-<fingerprint>-<id>  the alias that it is written by: once the index is removed, writes fail

Locks are leases in the database, because processes on all hosts write to one cluster. A lease may be lost without
notice, when its process was suspended. So writes have versions (catalog.search.opensearch.writing), and whoever comes
too late changes nothing.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from catalog.search.changes import IndexReader
from catalog.search.log import State
from catalog.search.opensearch.client import IndexMissing, client
from catalog.search.opensearch.lowering import filtered
from catalog.search.opensearch.mapping import alias, fingerprint, index_body
from catalog.search.opensearch.writing import ClusterWriter, written_by
from catalog.search.queries import Query
from core.db import clock
from core.jobs import lease

# How long after a switch searches may still go to the index before.
SWITCHING = timedelta(minutes=1)
LOCK_PAUSE_SECONDS = 0.1
# Read by one request.
DIGESTS = 5_000
# Making an index, and changes of mappings and aliases, wait for all nodes.
CHANGE_TIMEOUT_SECONDS = 30


class ClusterIndex:
    """One index (catalog.search.following.Index)."""

    def __init__(self, index: str) -> None:
        self.index = index

    @property
    def name(self) -> str:
        """As the protocol's."""
        return _name_of(self.index)

    def state(self) -> State | None:
        """As the protocol's. Raises ClusterFailed when the cluster does not answer."""
        with suppress(IndexMissing, KeyError, TypeError, ValueError):
            return State.from_json(self._meta()["state"])
        return None

    @contextmanager
    def writer(self, *, bulk: bool = False) -> Iterator[ClusterWriter]:
        """As the protocol's."""
        yield ClusterWriter(self.index, self.write_state, is_new=bulk)

    def write_state(self, state: State) -> None:
        """Stores how far the index is. All nodes that may be asked know it afterwards."""
        self._write_meta({**self._meta(), "state": state.to_json()})

    def put_into_use(self) -> None:
        """As the protocol's."""
        self._write_meta({**self._meta(), "used_since": clock.now().isoformat()})
        others = {"index": f"{alias()}-*", "alias": alias(), "must_exist": False}
        actions = [{"remove": others}, {"add": {"index": self.index, "alias": alias()}}]
        _change("POST", "/_aliases", {"actions": actions})

    def remove(self) -> None:
        """As the protocol's."""
        with suppress(IndexMissing):
            _change("DELETE", f"/{self.index}")

    def digests(self, query: Query, field: str, expected: int) -> dict[int, list[int]]:
        """As the protocol's. Raises ClusterFailed."""
        by_key: dict[int, list[int]] = {}
        # Doubled documents differ in their groups.
        sort = [field, "digest", "group"] if field == "id" else [field, "digest"]
        body = {"size": DIGESTS, "_source": False, "sort": sort, "query": filtered([], [query])}
        while True:
            (response,) = client().msearch(self.index, [body])
            hits = response["hits"]["hits"]
            for hit in hits:
                key, digest = hit["sort"][:2]
                by_key.setdefault(key, []).append(digest)
            if len(hits) < DIGESTS:
                return by_key
            body["search_after"] = hits[-1]["sort"]

    def used_since(self) -> datetime | None:
        """When it was put into use, by the database's clock."""
        stored = self._meta().get("used_since")
        return datetime.fromisoformat(stored) if stored else None

    def _meta(self) -> dict[str, Any]:
        answer = client().request("GET", f"/{self.index}/_mapping", filter_path="*.mappings._meta")
        return dict(answer[self.index]["mappings"]["_meta"]) if answer else {}

    def _write_meta(self, meta: dict[str, Any]) -> None:
        _change("PUT", f"/{self.index}/_mapping", {"_meta": meta})


class ClusterIndexes:
    """All indexes of this version of the code (catalog.search.following.Target)."""

    engine = "opensearch"

    def current(self) -> ClusterIndex | None:
        """As the protocol's. Raises ClusterFailed when the cluster does not answer, so that nothing is rebuilt."""
        try:
            (index,) = client().request("GET", f"/_alias/{alias()}")
        except IndexMissing:
            return None
        return ClusterIndex(index)

    def new(self, begin: Callable[[str], State]) -> ClusterIndex:
        """As the protocol's."""
        index = ClusterIndex(f"{alias()}-{uuid.uuid4().hex[:12]}")
        _change("PUT", f"/{index.index}", {**index_body(), "aliases": {written_by(index.index): {}}})
        index.write_state(begin(index.name))
        return index

    @contextmanager
    def lock(self, name: str, *, wait: float = 0) -> Iterator[bool]:
        """As the protocol's."""
        until = time.monotonic() + wait
        with ExitStack() as stack:
            while not (held := stack.enter_context(lease.hold(f"index-{name}-{fingerprint()}"))):
                if time.monotonic() >= until:
                    break
                time.sleep(LOCK_PAUSE_SECONDS)
            yield held

    def tidy(self) -> list[str]:
        """As the protocol's. Indexes of other versions go when their readers are forgotten, after a day."""
        used = self.current()
        since = used.used_since() if used else None
        is_settled = since is None or clock.now() - since > SWITCHING
        known = {*IndexReader.objects.values_list("name", flat=True)}
        removed = []
        for index in map(ClusterIndex, self._all()):
            is_ours = index.index.startswith(f"{alias()}-")
            if (used is None or index.index != used.index) and (is_settled if is_ours else index.name not in known):
                index.remove()
                removed.append(index.name)
        return removed

    def _all(self) -> list[str]:
        return [*client().request("GET", f"/{settings.SEARCH_PREFIX}-*/_alias")]


def _name_of(index: str) -> str:
    return index.removeprefix(f"{settings.SEARCH_PREFIX}-")


def _change(method: str, path: str, body: Any = None) -> None:
    client().request(method, path, body, request_timeout=CHANGE_TIMEOUT_SECONDS)
