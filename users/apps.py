"""The people: accounts that sign in by e-mail."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """The users app."""

    name = "users"

    def ready(self) -> None:
        """Tells /metrics and /readyz of the mail. Imported here: models are not there any earlier."""
        from core import delayed
        from core.jobs.readiness import register_jobs
        from users import figures
        from users.models import OutgoingMail

        figures.register()
        register_jobs("mail", lambda: delayed.oldest_due(OutgoingMail.objects.all()))
