"""`manage.py mail_status` prints the number of mails by status, and how long the oldest due one has waited."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count
from django.utils import timezone

from core.jobs import job
from users.models import OutgoingMail


class Command(BaseCommand):
    help = "Prints the number of mails by status, and the oldest that is due."

    def handle(self, *args: Any, **options: Any) -> None:
        rows = OutgoingMail.objects.order_by().values("status").annotate(count=Count("pk"))
        counts = dict.fromkeys(OutgoingMail.Status.values, 0) | {row["status"]: row["count"] for row in rows}
        for status, count in counts.items():
            self.stdout.write(f"{status:<13}{count:>8}")
        oldest = job.due(OutgoingMail).first()
        if oldest is None:
            self.stdout.write("Nothing is due now.")
        else:
            waits = (timezone.now() - oldest.due_at).total_seconds()
            count = job.due(OutgoingMail).count()
            self.stdout.write(
                f"{count} due now; the oldest since {oldest.due_at.isoformat()} ({waits:.0f} s): {oldest}"
            )
