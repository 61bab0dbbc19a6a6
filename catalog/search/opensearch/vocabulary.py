"""The words of an index in the cluster, of which all that is missing is looked up by one request.

What matching asks is answered from what is known, or else by "none" and remembered as missing. `learn` then looks up
all that is missing, and matching begins again. A new text takes two to four requests, however many words it has.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from catalog.search.opensearch.lowering import Body, escaped, lower
from catalog.search.queries import Query, Term, any_of

# How many answers are kept for all texts of one moment of the index, and how many are looked up by one request.
MAX_KEPT, MAX_TOGETHER = 50_000, 250
# How many tokens each shard names beyond those that are wanted, so that the most common ones of all shards are found.
TIMES_AS_MANY = 5

Search = Callable[..., list[dict[str, Any]]]


class KeptWords:
    """Answers that all threads share while the index stays as it is."""

    def __init__(self) -> None:
        self._answers: OrderedDict[object, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object) -> Any:
        with self._lock:
            return self._answers.get(key)

    def add(self, answers: dict[object, Any]) -> None:
        with self._lock:
            self._answers.update(answers)
            while len(self._answers) > MAX_KEPT:
                self._answers.popitem(last=False)


class ClusterWords:
    """Implements catalog.search.matching.vocabulary.Words for one search."""

    def __init__(self, search: Search, kept: KeptWords) -> None:
        self._search, self._kept = search, kept
        self._known: dict[object, Any] = {}
        # The searches that would answer what is missing: about words, and about queries, which depend on words.
        self._words: dict[object, Body] = {}
        self._queries: dict[object, Body] = {}

    def count(self, field: str, token: str) -> int:
        body = {"size": 0, "track_total_hits": True, "query": lower(Term(field, token))}
        return int(self._answer((field, token), 0, self._words, body))

    def has(self, tokens: Iterable[tuple[str, str]]) -> bool:
        key = tuple(tokens)
        body = _exists(any_of([Term(field, token) for field, token in key]))
        return bool(self._answer(key, False, self._words, body))

    def beginning_with(self, field: str, prefix: str, limit: int) -> list[tuple[str, int]]:
        terms = {"field": field, "include": f"{escaped(prefix)}.*", "size": limit, "shard_size": limit * TIMES_AS_MANY}
        body = {
            "size": 0,
            "track_total_hits": False,
            "query": {"bool": {"filter": [{"prefix": {field: {"value": prefix}}}]}},
            "aggs": {"terms": {"terms": terms}},
        }
        return [*self._answer((field, prefix, limit), (), self._words, body)]

    def finds(self, query: Query) -> bool:
        return bool(self._answer(query, False, self._queries, _exists(query)))

    def learn(self) -> bool:
        missing = self._words or self._queries
        if not missing:
            return False
        pending = [*missing.items()]
        for start in range(0, len(pending), MAX_TOGETHER):
            some = pending[start : start + MAX_TOGETHER]
            responses = self._search(*(body for _, body in some))
            answers = {key: _answer_of(body, response) for (key, body), response in zip(some, responses, strict=True)}
            self._known |= answers
            self._kept.add(answers)
        self._words, self._queries = {}, {}
        return True

    def _answer(self, key: object, none: Any, missing: dict[object, Body], body: Body) -> Any:
        answer = self._known.get(key)
        if answer is None:
            answer = self._kept.get(key)
            if answer is None:
                missing[key] = body
                return none
            self._known[key] = answer
        return answer


def _exists(query: Query) -> Body:
    """A search that ends at the first hit of each shard."""
    filters = {"bool": {"filter": [lower(query)]}}
    return {"size": 0, "track_total_hits": 1, "terminate_after": 1, "query": filters}


def _answer_of(body: Body, response: dict[str, Any]) -> Any:
    if "aggs" in body:
        return [(bucket["key"], bucket["doc_count"]) for bucket in response["aggregations"]["terms"]["buckets"]]
    total = response["hits"]["total"]["value"]
    return bool(total) if "terminate_after" in body else total
