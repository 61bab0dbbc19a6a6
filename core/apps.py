"""The core app: it brings the shared pages, static files and checks."""

from django.apps import AppConfig

# Imported for the signals that they connect to.
import core.patches.django
import core.telemetry.tasks  # noqa: F401


class CoreConfig(AppConfig):
    """Registers templates and static files of the shared pages."""

    name = "core"

    def ready(self) -> None:
        """Tells of workers, and has `migrate` make "Shop staff". Imported here: models are not there any earlier."""
        from core.auth import shop_staff
        from core.jobs import readiness

        readiness.register()
        shop_staff.start()
