"""Asks for bulk changes, confirms, cancels and undoes them. Each is one transaction; jobs.py does the rest."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from catalog import policy
from catalog.bulk.models import UNDO_PERIOD, BulkBatch, BulkChange, Kind
from core.auth.policy import Actor
from core.errors import ErrorCode, InvalidInput
from core.jobs.notify import notify

TASK = "catalog.tasks.work_bulk_changes"
MAX_PRODUCTS = 250_000
# Changes of one person that wait or are under way.
MAX_PENDING = 20
# Drafts of one person. A new one takes the place of the oldest.
MAX_DRAFTS = 10
# Products in one transaction.
BATCH = 200
Phase, Status = BulkChange.Phase, BulkChange.Status


def draft_change(*, actor: Actor, kind: Kind, product_ids: Iterable[int]) -> BulkChange:
    """A draft about these products, at most MAX_PRODUCTS; products that begin to match a filter later are not in it.

    Raises InvalidInput: FORBIDDEN, REQUIRED, LIMIT_EXCEEDED.
    """
    policy.check_may_change_in_bulk(actor)
    ids = list(dict.fromkeys(product_ids))
    if not ids:
        raise InvalidInput.at("product_ids", message="No product is chosen.", code=ErrorCode.REQUIRED)
    if len(ids) > MAX_PRODUCTS:
        message = f"At most {MAX_PRODUCTS:,} products can be changed at once. Set a filter, and change them in parts."
        raise InvalidInput.at("product_ids", message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=MAX_PRODUCTS)
    user_id: Any = getattr(actor, "pk", None)
    with transaction.atomic():
        change = BulkChange.objects.create(kind=kind, status=Status.DRAFT, user_id=user_id, size=len(ids))
        BulkBatch.objects.bulk_create(
            [
                BulkBatch(change=change, number=number, product_ids=ids[start : start + BATCH])
                for number, start in enumerate(range(0, len(ids), BATCH))
            ],
            batch_size=100,
        )
        drafts = BulkChange.objects.filter(status=Status.DRAFT, user_id=user_id).order_by("-pk")
        old = list(drafts.values_list("pk", flat=True)[MAX_DRAFTS:])
        BulkChange.objects.filter(pk__in=old, status=Status.DRAFT).delete()
    return change


def choose_options(*, actor: Actor, change_id: int, options: dict[str, Any]) -> None:
    """Sets what a draft will do (see catalog.bulk.rules). Raises InvalidInput: FORBIDDEN, NOT_FOUND."""
    policy.check_may_change_in_bulk(actor)
    user_id: Any = getattr(actor, "pk", None)
    draft = BulkChange.objects.filter(pk=change_id, status=Status.DRAFT, user_id=user_id)
    if not draft.update(options=options, version=F("version") + 1):
        raise _not_found()


def confirm_change(*, actor: Actor, change_id: int, version: int) -> bool:
    """Has a draft done; False when that was confirmed before. `version`: of the options that the person was shown.

    Raises InvalidInput: FORBIDDEN, NOT_FOUND, REQUIRED, VERSION_CONFLICT, LIMIT_EXCEEDED.
    """
    policy.check_may_change_in_bulk(actor)
    user_id: Any = getattr(actor, "pk", None)
    with transaction.atomic():
        pending = BulkChange.objects.filter(user_id=user_id, status__in=(Status.DUE, Status.CLAIMED)).count()
        if pending >= MAX_PENDING:
            message = f"{MAX_PENDING} of your changes are not done yet. Wait for them, or cancel some."
            raise InvalidInput.at(message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=MAX_PENDING)
        # Of two confirmations, such as a double click, one changes the row.
        draft = BulkChange.objects.filter(pk=change_id, user_id=user_id, status=Status.DRAFT)
        if (seen := draft.first()) is not None and not seen.is_chosen:
            message = f"Choose first what to do: {seen.get_kind_display().lower()}."
            raise InvalidInput.at(message=message, code=ErrorCode.REQUIRED)
        if draft.filter(version=version).update(status=Status.DUE, due_at=timezone.now()):
            transaction.on_commit(_notify_worker)
            return True
        if draft.exists():
            message = "What is to be done was chosen anew, in another window. Look at it once more."
            raise InvalidInput.at(message=message, code=ErrorCode.VERSION_CONFLICT)
    if not BulkChange.objects.filter(pk=change_id, user_id=user_id).exclude(status=Status.DRAFT).exists():
        raise _not_found()
    return False


def cancel_change(*, actor: Actor, change_id: int) -> bool:
    """Stops a change before its next batch; False when it had ended before. What is changed already stays.

    A draft is deleted. Raises InvalidInput: FORBIDDEN.
    """
    policy.check_may_change_in_bulk(actor)
    user_id: Any = getattr(actor, "pk", None)
    deleted, _ = BulkChange.objects.filter(pk=change_id, status=Status.DRAFT, user_id=user_id).delete()
    pending = BulkChange.objects.filter(pk=change_id, phase=Phase.CHANGE, status__in=(Status.DUE, Status.CLAIMED))
    now = timezone.now()
    ending = {"ended_at": now, "undo_until": now + UNDO_PERIOD, "reason": "It was cancelled."}
    cancelled = pending.update(status=Status.CANCELLED, claim=None, **ending)
    return bool(deleted or cancelled)


def resume_change(*, actor: Actor, change_id: int) -> bool:
    """Has a change, or an undoing, that failed midway go on from there; False when it is under way or done.

    It is this actor's from now on. Raises InvalidInput: FORBIDDEN.
    """
    policy.check_may_change_in_bulk(actor)
    user_id: Any = getattr(actor, "pk", None)
    failed = BulkChange.objects.filter(pk=change_id, status=Status.FAILED)
    with transaction.atomic():
        resumed = failed.filter(phase=Phase.CHANGE).update(user_id=user_id, **_due())
        resumed = resumed or failed.filter(phase=Phase.UNDO).update(undone_by_id=user_id, **_due())
        if resumed:
            transaction.on_commit(_notify_worker)
    return bool(resumed)


def undo_change(*, actor: Actor, change_id: int) -> bool:
    """Has a change undone, once; False when it is being undone already. Raises InvalidInput: FORBIDDEN, INVALID."""
    policy.check_may_change_in_bulk(actor)
    undoable = BulkChange.objects.filter(
        pk=change_id,
        phase=Phase.CHANGE,
        status__in=(Status.DONE, Status.FAILED, Status.CANCELLED),
        changed__gt=0,
        undo_until__gt=timezone.now(),
    )
    with transaction.atomic():
        if undoable.update(phase=Phase.UNDO, undone_by_id=getattr(actor, "pk", None), **_due()):
            transaction.on_commit(_notify_worker)
            return True
    if BulkChange.objects.filter(pk=change_id, phase=Phase.UNDO).exists():
        return False
    raise InvalidInput.at(message="This change cannot be undone: it changed nothing, is not done yet, or is too old.")


def _due() -> dict[str, Any]:
    return {
        **{"status": Status.DUE, "due_at": timezone.now(), "attempts": 0, "claim": None},
        **{"started_at": None, "ended_at": None, "reason": ""},
    }


def _not_found() -> InvalidInput:
    message = "This draft is not there any more. Choose the products again."
    return InvalidInput.at("id", message=message, code=ErrorCode.NOT_FOUND)


def _notify_worker() -> None:
    notify(TASK)
