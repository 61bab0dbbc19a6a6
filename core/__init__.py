"""What every app is built on. Only schema.py and urls.py know the apps."""

from core.celery import app as celery_app

__all__ = ["celery_app"]
