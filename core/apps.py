"""The core app: it brings the shared pages, static files and checks."""

from django.apps import AppConfig

# Imported for what they add to Celery.
from core.telemetry import liveness, tasks  # noqa: F401


class CoreConfig(AppConfig):
    """Registers templates and static files of the shared pages."""

    name = "core"

    def ready(self) -> None:
        """Has `migrate` make the group "Shop staff". Imported here: models are not there any earlier."""
        from core.auth import shop_staff

        shop_staff.start()
