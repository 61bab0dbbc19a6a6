"""The Celery application: tasks are found in each app's tasks.py, settings are Django's CELERY_*."""

import logging
import os

from celery import Celery, Task

from core.broker import survive

logger = logging.getLogger(__name__)

survive()

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
app = Celery("vitrine")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Seconds that a request waits for a broker that does not answer.
PATIENCE = 1


def hurry(task: Task) -> None:
    """Tells the worker that there is something to do. A sweep would too: a broker that is down is no error."""
    patience = {"socket_connect_timeout": PATIENCE, "socket_timeout": PATIENCE, **app.conf.broker_transport_options}
    try:
        with app.connection_for_write(connect_timeout=PATIENCE, transport_options=patience) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=PATIENCE)
            task.apply_async(connection=connection, retry=False)  # type: ignore[call-arg]
    except Exception as error:
        # Whatever the transport raises.
        logger.warning("The broker is down, %s waits for the next sweep: %s", task.name, error)
