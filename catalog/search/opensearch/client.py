"""Requests to the search cluster: time limits, other nodes when one fails, and one error for whatever goes wrong."""

import logging
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConnectionError as NoConnection
from opensearchpy.exceptions import NotFoundError, OpenSearchException, TransportError

# Of one try on one node, and of what each shard may take.
TIMEOUT_SECONDS, SHARD_TIMEOUT = 3.0, "2s"
MAX_RETRIES = 2
# How long a node that did not answer is left alone, and the whole cluster when no node did.
DEAD_NODE_SECONDS, PAUSE_SECONDS = 2.0, 1.0
BUSY = (429, 502, 503, 504)
# Its lines for each request would tell what people typed.
for name in ("opensearch", "opensearchpy.trace"):
    logging.getLogger(name).setLevel(logging.ERROR)


class ClusterFailed(Exception):
    """The cluster did not answer, or only in part. The message may be shown to strangers."""


class IndexMissing(ClusterFailed):
    """The cluster answers, and has no such index."""


class Client:
    """Sends requests to the nodes of one cluster. All threads of a process share one."""

    def __init__(self, urls: Sequence[str], ca: str) -> None:
        self._nodes = OpenSearch(
            [*urls],
            ca_certs=ca or None,
            timeout=TIMEOUT_SECONDS,
            max_retries=MAX_RETRIES,
            retry_on_timeout=True,
            retry_on_status=BUSY,
            dead_timeout=DEAD_NODE_SECONDS,
            timeout_cutoff=0,
            pool_maxsize=32,
        )
        self._paused_until = 0.0

    def request(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """The answer to a request. A list, or bytes, are sent as lines. Raises ClusterFailed: at once when no node has
        just answered another.
        """
        if time.monotonic() < self._paused_until:
            raise ClusterFailed("the search cluster does not answer")
        try:
            return self._nodes.transport.perform_request(method, path, params=params, **_encoded(body))
        except NotFoundError as error:
            raise IndexMissing("the search cluster has no such index") from error
        except NoConnection as error:
            # Others need not wait for what has just failed. Afterwards the next request tries again.
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            raise ClusterFailed("the search cluster does not answer") from error
        except (TransportError, OpenSearchException) as error:
            raise ClusterFailed("the search cluster refused a request") from error

    def msearch(self, index: str, bodies: Sequence[dict[str, Any]], *, scored: bool = False) -> list[dict[str, Any]]:
        """What several searches find. A shard that failed makes all of them fail, because half an answer is wrong."""
        # All nodes that have a copy of a shard take turns, so what is scored asks for the same ones each time.
        header = {"index": index, **({"search_type": "dfs_query_then_fetch", "preference": "scored"} if scored else {})}
        lines = [line for body in bodies for line in (header, {"timeout": SHARD_TIMEOUT, **body})]
        responses: list[dict[str, Any]] = self.request("POST", "/_msearch", lines)["responses"]
        for response in responses:
            if response.get("status") == 404:
                raise IndexMissing("the search cluster has no such index")
            if "error" in response:
                raise ClusterFailed("the search cluster refused a search") from ValueError(response["error"])
            # OpenSearch does not count a shard of which no node has a copy as failed.
            shards = response["_shards"]
            if response["timed_out"] or shards["failed"] or shards["successful"] < shards["total"]:
                details = shards.get("failures", "timed out or missing")
                raise ClusterFailed("a part of the search cluster did not answer") from ValueError(details)
        return responses


def _encoded(body: Any) -> dict[str, Any]:
    if isinstance(body, list):
        body = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in body)
    return {"body": body, **({"headers": {"content-type": "application/x-ndjson"}} if isinstance(body, bytes) else {})}


@cache
def _client(urls: str, ca: str) -> Client:
    return Client([url.strip() for url in urls.split(",") if url.strip()], ca)


def client() -> Client:
    """The client of the cluster that the setting SEARCH_URL names."""
    return _client(settings.SEARCH_URL, settings.SEARCH_CA)
