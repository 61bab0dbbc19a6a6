"""What every app is built on; it knows no app but in schema.py and urls.py."""

from core.celery import app as celery_app

__all__ = ["celery_app"]
