"""The Celery application. Its tasks are in each app's tasks.py, its settings are Django's CELERY_*."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

# By name, so that each is imported when a connection needs it.
TRANSPORT_ALIASES.update(
    embedded="core.jobs.broker:Transport",
    redis="core.patches.kombu:RedisTransport",
    rediss="core.patches.kombu:RedisTransport",
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
app = Celery("vitrine")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
