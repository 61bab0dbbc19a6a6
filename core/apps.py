"""The core app: models, templates and static files of the project itself."""

from django.apps import AppConfig

# Imported for the signals that they connect to.
import core.patches.django
import core.telemetry.tasks  # noqa: F401


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        # Imported here: before ready() there are no models.
        from core.auth import shop_staff
        from core.jobs import readiness

        readiness.register()
        shop_staff.start()
