"""The core app: it brings the shared pages, static files and checks."""

from django.apps import AppConfig

# Imported for what it adds to Celery.
from core.telemetry import tasks  # noqa: F401


class CoreConfig(AppConfig):
    """Registers templates and static files of the shared pages."""

    name = "core"

    def ready(self) -> None:
        """Has workers tell that they live. Imported here: models are not there any earlier."""
        from core.jobs import readiness

        readiness.register()
