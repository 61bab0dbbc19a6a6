"""The users app: accounts that sign in by e-mail."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    name = "users"

    def ready(self) -> None:
        """Adds the mail to /metrics and /readyz. Imports here, because models cannot be imported earlier."""
        from core.jobs import job
        from core.jobs.readiness import register_jobs
        from users import metrics
        from users.models import OutgoingMail

        metrics.register()
        register_jobs("mail", lambda: job.oldest_due(OutgoingMail.objects.all()))
