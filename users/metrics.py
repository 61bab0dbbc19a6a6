"""What /metrics tells of the mail; each is one question that an index answers."""

from django.db.models import Count

from core.jobs import job
from core.telemetry.metrics import register_gauge
from users.models import OutgoingMail


def mails() -> dict[str, float]:
    """Mails by status; `LATE` are those of DUE whose time has come."""
    counted = dict(OutgoingMail.objects.order_by().values_list("status").annotate(number=Count("id")))
    late = job.due(OutgoingMail).order_by().count()
    return {**{status: counted.get(status, 0) for status in OutgoingMail.Status.values}, "LATE": late}


def register() -> None:
    """Adds them."""
    register_gauge("mails", "Mails by status; LATE: of the DUE ones, those whose time has come.", mails, label="status")
