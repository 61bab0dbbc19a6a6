"""Uploads, confirms and cancels imports. Each change is one transaction; the worker does the rest (see jobs.py)."""

import logging
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.db import transaction
from django.utils import timezone

from catalog import policy
from catalog.importing import job_files
from catalog.importing.models import ImportJob
from catalog.importing.options import Stock
from core.auth.policy import Actor
from core.errors import ErrorCode, InvalidInput
from core.jobs.notify import notify

logger = logging.getLogger(__name__)

TASK = "catalog.tasks.work_imports"
NOT_STORED = (
    "The file could not be stored: the server may have no room. Try again later, or tell whoever runs the shop."
)
# Imports that are not done. Each keeps a file.
MAX_UNFINISHED = 20
Phase, Status = ImportJob.Phase, ImportJob.Status


def upload_import(*, actor: Actor, file: "File[bytes] | None", options: dict[str, Any]) -> ImportJob:
    """Stores a file and has it checked. None is a file that is larger than IMPORT_MAX_BYTES.

    `options` are those of `catalog.importing.jobs.options_of`. Raises InvalidInput: FORBIDDEN, INVALID, LIMIT_EXCEEDED.
    """
    policy.check_may_import(actor)
    if file is None or file.size > settings.IMPORT_MAX_BYTES:
        most = settings.IMPORT_MAX_BYTES
        raise InvalidInput.at("file", message=too_large(), code=ErrorCode.LIMIT_EXCEEDED, allowed=most)
    if not file.size:
        raise InvalidInput.at("file", message="The file is empty. Choose another.")
    if ImportJob.objects.filter(status__in=(Status.DUE, Status.CLAIMED, Status.READY)).count() >= MAX_UNFINISHED:
        message = f"There are {MAX_UNFINISHED} imports that are not done. Import or cancel some of them first."
        raise InvalidInput.at(message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=MAX_UNFINISHED)
    job = ImportJob(file_name=file.name or "file", bytes=file.size, options=options, user_id=getattr(actor, "pk", None))
    # The file is stored first: a file without a row is found (job_files.delete_old), a row without a file is of no use.
    try:
        job_files.store(job, job_files.SOURCE, file)
    except Exception as error:
        # Whatever a storage raises, such as on a full disk.
        logger.exception("A file to import could not be stored")
        raise InvalidInput.at("file", message=NOT_STORED) from error
    with transaction.atomic():
        job.save(force_insert=True)
        transaction.on_commit(_notify_worker)
    return job


def confirm_import(*, actor: Actor, job_id: int, stock: Stock | None = None) -> bool:
    """Has a READY import done; False when that was confirmed before. `stock`: what the file's products get.

    Raises InvalidInput: FORBIDDEN, NOT_FOUND, REQUIRED (stock, when the file has no quantities), INVALID.
    """
    policy.check_may_import(actor)
    job = _job(job_id)
    if job.status == Status.READY and job.check_findings.get("lacks_quantities") and not job.options.get("stock"):
        if stock is None:
            message = "Choose what the products get: the file has no quantities."
            raise InvalidInput.at("stock", message=message, code=ErrorCode.REQUIRED)
        job.options["stock"] = stock
    changes = {"phase": Phase.IMPORT, "status": Status.DUE, "due_at": timezone.now(), "options": job.options}
    changes |= {"attempts": 0, "claim": None, "started_at": None, "position": 0, "rows": 0}
    with transaction.atomic():
        # Of two people who confirm, one changes the row.
        if ImportJob.objects.filter(pk=job.pk, status=Status.READY).update(**changes):
            transaction.on_commit(_notify_worker)
            return True
    job = _job(job_id)
    if job.phase == Phase.IMPORT and job.status != Status.CANCELLED:
        return False
    raise InvalidInput.at(message="This import cannot be started any more: see below why.")


def cancel_import(*, actor: Actor, job_id: int) -> bool:
    """Cancels an import that is not done; False when it had ended before. Products that are imported already stay.

    A worker that has it stops before its next batch. Raises InvalidInput: FORBIDDEN, NOT_FOUND.
    """
    policy.check_may_import(actor)
    job = _job(job_id)
    unfinished = ImportJob.objects.filter(pk=job.pk, status__in=(Status.DUE, Status.CLAIMED, Status.READY))
    now = timezone.now()
    # Not the address: it would outlive the account.
    key = getattr(actor, "pk", None)
    reason = "Cancelled." if key is None else f"Cancelled by account {key}."
    return unfinished.update(status=Status.CANCELLED, claim=None, ended_at=now, reason=reason) == 1


def too_large() -> str:
    """What is said of a file that is larger than IMPORT_MAX_BYTES."""
    return (
        f"The file is larger than {settings.IMPORT_MAX_BYTES / 2**20:g} MB. Divide it into several files, "
        "each with the header."
    )


def _job(job_id: int) -> ImportJob:
    job = ImportJob.objects.filter(pk=job_id).first()
    if job is None:
        raise InvalidInput.at("id", message="There is no such import any more.", code=ErrorCode.NOT_FOUND)
    return job


def _notify_worker() -> None:
    notify(TASK)
