"""Writes documents to an index of the cluster. Whatever was written may be written again, by anybody, at any time.

Each write has the position of its round as its version. The cluster refuses it where it has a newer one. Rows are read
after their round began. So a process that was suspended and goes on late overwrites nothing newer, and what is
written after a kill again ends the same.

A document is in the shard of its group. When its product comes into another group, or is deleted, the documents that
there are under its id are looked up, because the cluster knows documents by id and group only.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from catalog.search.documents import Document
from catalog.search.log import State
from catalog.search.opensearch.client import ClusterFailed, IndexMissing, client
from catalog.search.opensearch.mapping import cluster_document

# Of one request.
MAX_BYTES, MAX_LOOKED_UP = 4_000_000, 2_000
TIMEOUT_SECONDS = 30
# How long writes wait for a cluster that is busy or away: a build, and a round of changes, which comes again.
BUILD_PATIENCE_SECONDS, ROUND_PATIENCE_SECONDS = 120.0, 5.0
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.2, 5.0
NEWER, BUSY, MISSING = 409, (429, 503), 404
# An operation and, unless it deletes, its document, each encoded.
Operation = tuple[bytes, ...]


class ClusterWriter:
    """Puts documents into an index (catalog.search.applying.Writer)."""

    def __init__(self, index: str, write_state: Callable[[State], None], *, is_new: bool) -> None:
        self._index, self._write_state, self._is_new = index, write_state, is_new
        self._position = 0
        self._waiting: list[Operation] = []
        self._num_bytes = 0

    def begin(self, position: int) -> None:
        """As the protocol's."""
        self._position = position

    def put_products(self, documents: Mapping[int, Document]) -> None:
        """As the protocol's."""
        groups = {pk: document["group"] for pk, document in documents.items()}
        if not self._is_new:
            self._delete_others(groups)
        for pk, document in documents.items():
            self._add(*self._operation("index", pk, groups[pk]), orjson.dumps(cluster_document(document)))

    def delete_products(self, ids: Sequence[int]) -> None:
        """As the protocol's."""
        self._delete_others(dict.fromkeys(ids))

    def put_named(self, documents: Mapping[int, Document]) -> None:
        """As the protocol's."""
        for key, document in documents.items():
            self._add(*self._operation("index", f"n{key}", key), orjson.dumps(cluster_document(document)))

    def delete_named(self, keys: Sequence[int]) -> None:
        """As the protocol's."""
        for key in keys:
            self._add(*self._operation("delete", f"n{key}", key))

    def commit(self, state: State) -> None:
        """As the protocol's. Searches see nothing of the round before, and all of it afterwards."""
        self._flush()
        answer = self._patiently(partial(client().request, "POST", f"/{self._index}/_refresh", **_TIMEOUT))
        if answer["_shards"]["failed"]:
            raise ClusterFailed("a part of the search cluster did not answer")
        self._patiently(partial(self._write_state, state))
        self._is_new = False

    def _delete_others(self, groups: Mapping[int, int | None]) -> None:
        """Deletes the documents of products but those in the given groups."""
        for pk, group in self._copies([*groups]):
            if group != groups[pk]:
                self._add(*self._operation("delete", pk, group))

    def _copies(self, ids: list[int]) -> Iterator[tuple[int, int]]:
        """The ids and groups of the products' documents, as of the last commit."""
        for start in range(0, len(ids), MAX_LOOKED_UP):
            some = ids[start : start + MAX_LOOKED_UP]
            body = {
                # Copies that a change of group left there are in different shards.
                "size": 5 * len(some),
                "_source": False,
                "docvalue_fields": ["id", "group"],
                "query": {"bool": {"filter": [{"terms": {"id": some}}]}},
            }
            (response,) = self._patiently(partial(client().msearch, self._index, [body]))
            for hit in response["hits"]["hits"]:
                yield hit["fields"]["id"][0], hit["fields"]["group"][0]

    def _operation(self, kind: str, key: object, group: int) -> Operation:
        place = {"_id": str(key), "routing": str(group)}
        return (orjson.dumps({kind: {**place, "version": self._position, "version_type": "external_gte"}}),)

    def _add(self, *operation: bytes) -> None:
        self._waiting.append(operation)
        self._num_bytes += sum(map(len, operation))
        if self._num_bytes >= MAX_BYTES:
            self._flush()

    def _flush(self) -> None:
        waiting, self._waiting, self._num_bytes = self._waiting, [], 0
        pauses = _Pauses(self._patience)
        while waiting:
            answer = self._patiently(partial(self._send, waiting))
            waiting = [operation for operation, item in zip(waiting, answer["items"], strict=True) if _is_busy(item)]
            if waiting and not pauses.wait():
                raise ClusterFailed("the search cluster is too busy")

    def _send(self, operations: Iterable[Operation]) -> Any:
        lines = b"".join(line + b"\n" for operation in operations for line in operation)
        return client().request("POST", f"/{written_by(self._index)}/_bulk", lines, require_alias="true", **_TIMEOUT)

    def _patiently(self, send: Callable[[], Any]) -> Any:
        """The answer of a request, which is sent again for some time while the cluster does not answer."""
        pauses = _Pauses(self._patience)
        while True:
            try:
                return send()
            except IndexMissing:
                raise
            except ClusterFailed:
                if not pauses.wait():
                    raise

    @property
    def _patience(self) -> float:
        return BUILD_PATIENCE_SECONDS if self._is_new else ROUND_PATIENCE_SECONDS


_TIMEOUT = {"request_timeout": TIMEOUT_SECONDS}


def written_by(index: str) -> str:
    """The alias by which the index is written to, because a write to a missing index would create it."""
    return f"written-{index}"


class _Pauses:
    """Longer and longer pauses, for so many seconds at most."""

    def __init__(self, seconds: float) -> None:
        self._until, self._pause = time.monotonic() + seconds, FIRST_PAUSE_SECONDS

    def wait(self) -> bool:
        """Pauses. Returns False instead when the time is over."""
        if time.monotonic() + self._pause > self._until:
            return False
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS)
        return True


def _is_busy(item: dict[str, Any]) -> bool:
    """Whether an operation must be sent again. Raises ClusterFailed when it never succeeds."""
    (result,) = item.values()
    if "error" not in result or result["status"] == NEWER:
        return False
    if result["status"] in BUSY:
        return True
    if result["status"] == MISSING:
        raise IndexMissing("the search cluster has no such index")
    raise ClusterFailed("the search cluster refused a document") from ValueError(result["error"])
