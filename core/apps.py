"""The core app: the shared pages, static files and signals."""

from django.apps import AppConfig

# Imported for the signals that they connect to.
import core.patches.django
import core.telemetry.tasks  # noqa: F401


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        """Adds workers and jobs to /readyz and /metrics, and has `migrate` make "Shop staff".

        Imports here, because models cannot be imported earlier.
        """
        from core.auth import shop_staff
        from core.jobs import readiness

        readiness.register()
        shop_staff.start()
