"""Stores documents that clients register under their hash (Apollo's automatic persisted queries, version 1).

Strangers write to this store, which is in the cache that all processes share. It has a fixed number of slots of a
bounded size, so it never holds more than `MAX_STORED_BYTES`.
"""

import logging
from hashlib import sha256
from typing import Any

from django.core.cache import cache

from core.graphql.errors import Code, api_error
from core.graphql.validation import DocumentRefused

logger = logging.getLogger(__name__)
# Bytes (UTF-8) of a text that may be registered. A longer one is executed too, but its client sends it every time.
MAX_TEXT_BYTES = 16_000
# Slots, and how long a text stays. Signed-in users have slots of their own, which strangers cannot fill.
SLOTS = {"anyone": 1_024, "member": 1_024}
TTL_SECONDS = {"anyone": 3_600, "member": 30 * 24 * 3_600}
MAX_STORED_BYTES = MAX_TEXT_BYTES * sum(SLOTS.values())
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
        message = "persistedQuery must have the version 1 and a sha256Hash of 64 lowercase hexadecimal digits."
        raise DocumentRefused([api_error(Code.BAD_USER_INPUT, message, field=field)])
    if query is not None and sha256_hex(query) != digest:
        message = "The sha256Hash is not the hash of the query."
        raise DocumentRefused([api_error(Code.BAD_USER_INPUT, message, field=f"{field}.sha256Hash")])
    return digest


def not_found() -> DocumentRefused:
    """The refusal that tells a client to send the text. Apollo's clients look for this exact message."""
    return DocumentRefused([api_error(Code.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")])


def find(digest: str) -> str:
    """The text that was registered under the hash, whose time starts anew. Raises DocumentRefused."""
    try:
        if len(digest) == 64 and set(digest) <= _HEX:
            keys = [key for kind in SLOTS for key in _keys(digest, kind)]
            for key, (stored_digest, text) in cache.get_many(keys).items():
                if stored_digest == digest:
                    cache.touch(key, TTL_SECONDS["member"])
                    return str(text)
    except Exception as error:  # each cache driver raises its own. The client sends the text.
        logger.warning("persisted queries cannot be looked up: %s", error)
    raise not_found()


def register(digest: str, text: str, *, is_member: bool) -> bool:
    """Stores the text of a valid document under its hash. Returns False when it is too long, or the cache failed."""
    if len(text) > MAX_TEXT_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
        return False
    kind = "member" if is_member else "anyone"
    keys = _keys(digest, kind)
    try:
        stored = cache.get_many(keys)
        # Its own slot, else a free one, else the first. A client whose text is overwritten registers it again.
        own = [key for key in keys if key in stored and stored[key][0] == digest]
        free = [key for key in keys if key not in stored]
        cache.set([*own, *free, *keys][0], (digest, text), TTL_SECONDS[kind])
    except Exception as error:  # each cache driver raises its own. The client sends the text again.
        logger.warning("a persisted query cannot be registered: %s", error)
        return False
    return True


def _keys(digest: str, kind: str) -> list[str]:
    """The two slots of a hash. With one, two documents of a shop would often overwrite each other."""
    return [f"persisted-query:{kind}:{int(part, 16) % SLOTS[kind]}" for part in (digest[:16], digest[16:32])]
