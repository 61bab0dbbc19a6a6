"""The metrics of outgoing mail. Each is one query on an index."""

from django.db.models import Count

from core.jobs import job
from core.telemetry.metrics import register_gauge
from users.models import OutgoingMail


def mails() -> dict[str, float]:
    """The number of mails by status. `LATE` counts the DUE ones whose time has come."""
    counts = dict(OutgoingMail.objects.order_by().values_list("status").annotate(number=Count("id")))
    late = job.due(OutgoingMail).order_by().count()
    return {**{status: counts.get(status, 0) for status in OutgoingMail.Status.values}, "LATE": late}


def register() -> None:
    register_gauge("mails", "Mails by status; LATE: of the DUE ones, those whose time has come.", mails, label="status")
