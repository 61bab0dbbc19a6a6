"""The people: accounts that sign in by e-mail."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """The users app."""

    name = "users"

    def ready(self) -> None:
        """Tells /metrics and /readyz of the mail. Imported here: models are not there any earlier."""
        from core.jobs import job
        from core.jobs.readiness import register_jobs
        from users import metrics
        from users.models import OutgoingMail

        metrics.register()
        register_jobs("mail", lambda: job.oldest_due(OutgoingMail.objects.all()))
