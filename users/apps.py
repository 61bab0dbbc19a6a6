"""The users app: accounts that sign in by e-mail."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    name = "users"

    def ready(self) -> None:
        """Adds the mail to /metrics and /readyz. Imports here, because models cannot be imported earlier."""
        from django.contrib.auth.models import Group
        from django.core.checks import register

        from core.auth import shop_staff
        from core.history.recording import track
        from core.jobs import job
        from core.jobs.readiness import register_jobs
        from users import checks, front_page, metrics
        from users.models import OutgoingMail, User

        personal = ["email", "first_name", "last_name"]
        track(
            User,
            [*personal, "password", "is_active", "is_staff", "is_superuser"],
            many=["groups", "user_permissions"],
            secret=["password"],
            personal=personal,
        )
        # What a group gives is a right of each member.
        track(Group, ["name"], many=["permissions"])
        # To see which mails were not sent, and to send them again.
        shop_staff.grant(OutgoingMail, ["change", "view"], since="users.0005_own_account")
        front_page.register()
        register(checks.check_mail_templates)
        metrics.register()
        register_jobs("mail", lambda: job.oldest_due(OutgoingMail.objects.all()))
