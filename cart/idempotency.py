"""Idempotency keys: a mutation that is sent again under the same key is applied once and answered again."""

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
    """The outcome of claiming a key."""

    NEW = auto()
    RETRY = auto()
    OTHER_INPUT = auto()


def input_digest(lines: Iterable[tuple[int, int]]) -> str:
    """The SHA-256 of a mutation's lines, each a primary key and a quantity, in any order."""
    return sha256(orjson.dumps(sorted(lines))).hexdigest()


def claim_key(*, user_id: int, mutation: str, key: str, digest: str) -> Claim:
    """Claims the key for the input with this digest, or says that it was claimed before.

    The claim is part of the current transaction. The caller must have locked the user's cart, so that two retries at
    the same moment come here one after the other.
    """
    new_key = IdempotencyKey(user_id=user_id, mutation=mutation, key=key, digest=digest)
    try:
        # Insert first and read only on conflict: nearly every key is new, and this saves it a query.
        with transaction.atomic():
            new_key.save(force_insert=True)
    except IntegrityError:
        same_key = IdempotencyKey.objects.filter(user_id=user_id, mutation=mutation, key=key)
        known_key = same_key.select_for_update().first()
        if known_key is None:
            # The conflict was another: the user was deleted, or the sweep has just deleted an expired key. The caller
            # starts the transaction over.
            raise
    else:
        return Claim.NEW
    if known_key.created_at <= timezone.now() - LIFETIME:
        new_key.pk = known_key.pk
        new_key.save(force_update=True)
        return Claim.NEW
    return Claim.RETRY if known_key.digest == digest else Claim.OTHER_INPUT
