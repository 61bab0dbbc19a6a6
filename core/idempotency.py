"""Idempotency keys: a mutation that is sent again under the same key is applied once and answered again."""

from datetime import timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.errors import FieldError
from core.models import KEY_LENGTH, IdempotencyKey

LIFETIME = timedelta(hours=24)


class Claim(NamedTuple):
    """What came of claiming a key: mistakes, its row if there is one, and whether its mutation was applied before."""

    field_errors: list[FieldError]
    row: IdempotencyKey | None = None
    is_retry: bool = False


def input_digest(value: Any) -> str:
    """The SHA-256 of a mutation's input, as JSON."""
    return sha256(orjson.dumps(value, default=str)).hexdigest()


def claim_key(*, owner: int, mutation: str, key: str | None, digest: str) -> Claim:
    """Claims the owner's key for the input with this digest, or says that it was claimed before.

    The claim is part of the current transaction. Of two retries at the same moment, the second waits here for the end
    of the first. IntegrityError means that the caller must start the transaction over.
    """
    if key is None:
        return Claim([])
    if not 0 < len(key) <= KEY_LENGTH:
        return Claim([FieldError(("idempotencyKey",), f"The key must have 1 to {KEY_LENGTH} characters.")])
    new_key = IdempotencyKey(owner=owner, mutation=mutation, key=key, digest=digest)
    try:
        # Insert first and read only on conflict: nearly every key is new, and this saves it a query.
        with transaction.atomic():
            new_key.save(force_insert=True)
    except IntegrityError:
        same_key = IdempotencyKey.objects.filter(owner=owner, mutation=mutation, key=key)
        known_key = same_key.select_for_update().first()
        if known_key is None:
            # The conflict was another: the sweep has just deleted an expired key.
            raise
    else:
        return Claim([], new_key)
    if known_key.created_at <= timezone.now() - LIFETIME:
        new_key.pk = known_key.pk
        new_key.save(force_update=True)
        return Claim([], new_key)
    if known_key.digest != digest:
        message = "This key was used with other input. Use a new key for a new mutation."
        return Claim([FieldError(("idempotencyKey",), message)])
    return Claim([], known_key, is_retry=True)


def copy_keys(*, owner: int, to: int) -> None:
    """Claims the owner's keys for another owner too, who takes over what they were used for."""
    keys = list(IdempotencyKey.objects.filter(owner=owner))
    for key in keys:
        key.pk, key.owner = None, to
    IdempotencyKey.objects.bulk_create(keys, ignore_conflicts=True)


def drop_old_keys(*, owner: int, keep: int) -> None:
    """Deletes the owner's keys but the newest."""
    newest_first = IdempotencyKey.objects.filter(owner=owner).order_by("-pk").values_list("pk", flat=True)
    # Read without a lock and deleted one by one, so that it waits for no other request that claims a key.
    IdempotencyKey.objects.filter(pk__in=list(newest_first[keep:])).delete()
