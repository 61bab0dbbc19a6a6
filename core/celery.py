"""The Celery application: tasks are found in each app's tasks.py, settings are Django's CELERY_*."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

# By name, for they are imported when a connection wants them.
TRANSPORT_ALIASES.update(
    embedded="core.jobs.broker:Transport",
    redis="core.patches.kombu:RedisTransport",
    rediss="core.patches.kombu:RedisTransport",
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
app = Celery("vitrine")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
