"""The periodic tasks of core."""

from datetime import timedelta

from celery import current_app
from django.conf import settings
from django.utils import timezone

from core import tasks
from core.models import IdempotencyKey


def test_expired_keys_are_deleted(db, monkeypatch):
    monkeypatch.setattr(tasks, "BATCH", 2)
    now = timezone.now()
    ages = {"0": 24, "1": 25, "2": 1000, "3": 23.9, "4": 0}
    for key, hours in ages.items():
        created = now - timedelta(hours=hours)
        IdempotencyKey.objects.create(owner=1, mutation="add", key=key, digest="d", created_at=created)
    assert tasks.clear_old_keys() == 3
    assert set(IdempotencyKey.objects.values_list("key", flat=True)) == {"3", "4"}


def test_it_is_scheduled():
    scheduled = [entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()]
    assert scheduled.count(tasks.clear_old_keys.name) == 1
    assert tasks.clear_old_keys.name in current_app.tasks
