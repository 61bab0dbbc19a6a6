"""The people: accounts that sign in by e-mail."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """The users app."""

    name = "users"

    def ready(self) -> None:
        """Tells /metrics of the mail. Imported here: models are not there any earlier."""
        from users import figures

        figures.register()
