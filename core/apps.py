"""The core app: models, templates and static files of the project itself."""

from django.apps import AppConfig
from django.conf import settings
from django.core.signals import request_started
from django.db import reset_queries

# Imported for the signals that they connect to.
import core.patches.django
import core.telemetry.tasks  # noqa: F401


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        # Imported here: before ready() there are no models.
        from core.auth import shop_staff
        from core.jobs import readiness

        if not settings.DEBUG:
            # It forgets the statements that Django keeps with DEBUG only.
            request_started.disconnect(reset_queries)
        readiness.register()
        shop_staff.start()
