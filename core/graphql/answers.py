"""Keeps whole answers of catalogue queries in memory, and gives them again as long as nothing has changed.

An answer is given again to a request with the same bytes, to the same host, in the same media type, whose viewer may
see the same, as long as the revision of the catalogue and all else that the answer was computed from is the same. All
else happens as if it had been computed: it is charged, logged and measured, and its searches are counted.

Nothing of a request is kept but a digest. Operations with a field of its own viewer, those with errors and mutations
are always executed.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from hashlib import blake2b
from sys import getsizeof
from typing import Any
from weakref import ref

from django.conf import settings
from django.http import HttpRequest

from core.auth.policy import Actor
from core.caching import revision
from core.caching.conditions import stating
from core.caching.lru import SegmentedLRU
from core.graphql.documents import Document, Documents, Operation
from core.http.caching import etag_of
from core.telemetry.metrics import KEPT_LOOKUPS

# Bytes of an answer that may be kept, and what part of GRAPHQL_ANSWERS_BYTES it may take at most.
MAX_ANSWER_BYTES, MAX_SHARE = 1_000_000, 1 / 16
# Bytes of memory of a kept answer beside its content, and of each thing to be done when it is given; measured.
OWN_BYTES, ACTION_BYTES = 1_300, 2_000
# What Django tells the scheme and the host from: pictures have absolute addresses.
_SCHEME = ("wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO")
_HOST = ("HTTP_X_FORWARDED_HOST", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT")


@dataclass(frozen=True)
class CatalogueRules:
    """What is kept: answers to queries whose root fields all are among `fields`.

    `view` tells what the viewer sees of the catalogue: viewers with the same view get the same answers. None: it may
    not be read.
    """

    fields: frozenset[str]
    view: Callable[[Actor], str | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of the response to an operation that was executed."""

    content: bytes
    has_errors: bool = False
    # Of the content, if it is known already.
    etag: str | None = None
    # Until when shared caches may keep it if the request may be cached, in seconds since 1970.
    shared_until: float = 0.0


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer, what it was computed from, and what is told of its operation."""

    answer: Answer
    revision: int
    valid_until: float
    states: tuple[tuple[Callable[[], Hashable], Hashable], ...]
    actions: tuple[Callable[[], None], ...]
    # Without its document in memory the operation would be charged for it.
    digest: str
    document: ref[Document]
    cost: int
    facts: dict[str, Any]

    @property
    def size(self) -> int:
        return OWN_BYTES + getsizeof(self.answer.content) + ACTION_BYTES * len(self.actions)

    def is_current(self) -> bool:
        """Whether the operation would be answered so now."""
        return (
            self.valid_until > time.time()
            and revision.known() == self.revision
            and all(look_up() == state for look_up, state in self.states)
        )

    def do_again(self) -> None:
        """Does what is to be done each time."""
        for act in self.actions:
            act()


class Answers:
    """The kept answers of one process, of at most GRAPHQL_ANSWERS_BYTES."""

    def __init__(self, rules: CatalogueRules, documents: Documents) -> None:
        self._rules, self._documents = rules, documents
        self.kept: SegmentedLRU[bytes, KeptAnswer] = SegmentedLRU(
            "answers", lambda: settings.GRAPHQL_ANSWERS_BYTES, max_share=MAX_SHARE
        )
        self._hits, self._misses = KEPT_LOOKUPS.labels("answers", "hit"), KEPT_LOOKUPS.labels("answers", "miss")

    def key(self, request: HttpRequest, text: bytes, media_type: str) -> bytes | None:
        """A digest of all that the answer depends on besides what changes with time.

        None when the viewer may not read the catalogue. `text` is the unparsed call.
        """
        view = self._rules.view(request.user)
        if view is None:
            return None
        way = "POST" if request.method == "POST" else "GET"
        host = "\n".join([request.META.get(name, "") for name in (*_SCHEME, *_HOST)])
        digest = blake2b(f"{way} {view} {media_type}\n{host}\n".encode(), digest_size=16)
        digest.update(text)
        return digest.digest()

    def cover(self, operation: Operation) -> bool:
        """Whether the operation reads the catalogue and nothing else."""
        return operation.is_query and bool(operation.root_fields) and operation.root_fields <= self._rules.fields

    def find(self, key: bytes) -> KeptAnswer | None:
        """The current answer for the key, if there is one."""
        kept = self.kept.get(key)
        if kept is None or not self._documents.has(kept.digest, kept.document()) or not kept.is_current():
            return None
        self._hits.inc()
        return kept

    def computed(
        self,
        request: HttpRequest,
        key: bytes,
        compute: Callable[[], Answer],
        digest: str,
        document: Document,
        *,
        cost: int,
        facts: dict[str, Any],
    ) -> Answer:
        """The answer of an operation that reads the catalogue and nothing else. It is kept if it may be."""
        self._misses.inc()
        # Before anything is read: what is read then is as new as this revision, or newer.
        known = revision.known()
        with stating() as conditions:
            answer = compute()
        if answer.has_errors or not conditions.may_be_kept:
            return answer
        etag = None if request.method == "POST" else etag_of(answer.content)
        answer = replace(answer, etag=etag, shared_until=conditions.valid_until)
        if known is not None and len(answer.content) <= MAX_ANSWER_BYTES and self._documents.has(digest, document):
            kept = KeptAnswer(
                answer,
                known,
                conditions.valid_until,
                tuple(conditions.states.items()),
                tuple(conditions.actions),
                digest,
                ref(document),
                cost,
                facts,
            )
            self.kept.put(key, kept, kept.size)
        return answer
