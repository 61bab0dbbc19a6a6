"""Documents that clients registered under their hash (Apollo's automatic persisted queries, version 1).

Strangers write these, into the cache that all processes share. So the store is a fixed number of places, each of a
bounded size: whatever is registered, it never holds more than `MAX_STORED_BYTES`.
"""

import logging
from hashlib import sha256
from typing import Any

from django.core.cache import cache

from core.graphql.errors import Code, api_error
from core.graphql.validation import DocumentRefused

logger = logging.getLogger(__name__)
# Bytes (UTF-8) of a text that may be registered. A longer one is served; its client sends it every time.
MAX_TEXT_BYTES = 16_000
# Texts of strangers, and of those who are signed in, are kept apart: so many of each, for so many seconds.
PLACES = {"anyone": 1_024, "member": 1_024}
SECONDS = {"anyone": 3_600, "member": 30 * 24 * 3_600}
MAX_STORED_BYTES = MAX_TEXT_BYTES * sum(PLACES.values())
_HEX = frozenset("0123456789abcdef")


def sha256_hex(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def requested_digest(query: str | None, persisted: Any) -> str | None:
    """The hash by which a request names its document; None when it does not. Raises DocumentRefused."""
    if persisted is None:
        return None
    field = "extensions.persistedQuery"
    digest = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(digest, str) or len(digest) != 64 or not set(digest) <= _HEX or persisted.get("version") != 1:
        message = "persistedQuery wants version 1 and a sha256Hash (64 hexadecimal digits, small letters)."
        raise DocumentRefused([api_error(Code.BAD_USER_INPUT, message, field=field)])
    if query is not None and sha256_hex(query) != digest:
        message = "The sha256Hash is not that of the query."
        raise DocumentRefused([api_error(Code.BAD_USER_INPUT, message, field=f"{field}.sha256Hash")])
    return digest


def not_found() -> DocumentRefused:
    """The refusal that tells a client to send the text: Apollo's look for this very message."""
    return DocumentRefused([api_error(Code.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")])


def find(digest: str) -> str:
    """The text that was registered under the hash. What is used again stays longer. Raises DocumentRefused."""
    try:
        if len(digest) == 64 and set(digest) <= _HEX:
            for key, (known, text) in cache.get_many([key for kind in PLACES for key in _keys(digest, kind)]).items():
                if known == digest:
                    cache.touch(key, SECONDS["member"])
                    return str(text)
    except Exception as error:  # whatever the cache's driver raises: the client sends the text
        logger.warning("persisted queries cannot be looked up: %s", error)
    raise not_found()


def register(digest: str, text: str, *, is_member: bool) -> bool:
    """Stores a text that holds under its hash. Whether it is stored now: too long a one is not."""
    if len(text) > MAX_TEXT_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
        return False
    kind = "member" if is_member else "anyone"
    keys = _keys(digest, kind)
    try:
        stored = cache.get_many(keys)
        # Its own place, else a free one, else the first: what is pushed out is registered again when it is asked for.
        own = [key for key in keys if key in stored and stored[key][0] == digest]
        free = [key for key in keys if key not in stored]
        cache.set([*own, *free, *keys][0], (digest, text), SECONDS[kind])
    except Exception as error:  # whatever the cache's driver raises: the client sends the text again
        logger.warning("a persisted query cannot be registered: %s", error)
        return False
    return True


def _keys(digest: str, kind: str) -> list[str]:
    """The two places where a hash may be: with one alone, most shops would have two documents that fight for it."""
    return [f"persisted-query:{kind}:{int(part, 16) % PLACES[kind]}" for part in (digest[:16], digest[16:32])]
