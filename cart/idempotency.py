"""A client's retry is told from a new wish by its key: applied once, answered again."""

from collections.abc import Iterable
from datetime import timedelta
from enum import Enum, auto
from hashlib import sha256

import orjson
from django.db import IntegrityError, transaction
from django.utils import timezone

from cart.models import IdempotencyKey

LIFETIME = timedelta(hours=24)


class Claim(Enum):
    """What a key turned out to be."""

    FRESH = auto()
    REPLAY = auto()
    OTHER_INPUT = auto()


def digest_of(pairs: Iterable[tuple[int, int]]) -> str:
    """The SHA-256 of an input: what (a primary key) and how many of it, in any order."""
    return sha256(orjson.dumps(sorted(pairs))).hexdigest()


def claim(*, user_id: int, mutation: str, key: str, digest: str) -> Claim:
    """Takes the key for this input, until the transaction is undone; or says who has it.

    Wants the user's cart to be locked: two retries at the same moment come here one after the other.
    """
    fresh = IdempotencyKey(user_id=user_id, mutation=mutation, key=key, digest=digest)
    try:
        # Written at once rather than looked for first: nearly every key is new, and that saves a query.
        with transaction.atomic():
            fresh.save(force_insert=True)
    except IntegrityError:
        same = IdempotencyKey.objects.filter(user_id=user_id, mutation=mutation, key=key)
        known = same.select_for_update().first()
        if known is None:
            # Not a known key, then: the user is gone, or the sweep has just taken an old one. Both are seen afresh.
            raise
    else:
        return Claim.FRESH
    if known.created_at <= timezone.now() - LIFETIME:
        fresh.pk = known.pk
        fresh.save(force_update=True)
        return Claim.FRESH
    return Claim.REPLAY if known.digest == digest else Claim.OTHER_INPUT
