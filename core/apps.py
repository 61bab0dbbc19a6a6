"""The core app: it brings the shared pages, static files and checks."""

from django.apps import AppConfig

# Imported for what they add to Celery.
from core.telemetry import liveness, tasks  # noqa: F401


class CoreConfig(AppConfig):
    """Registers templates and static files of the shared pages."""

    name = "core"
