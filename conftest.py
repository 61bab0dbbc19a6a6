"""Fixtures for every test: cheap password hashing, and no test about MySQL that runs elsewhere unseen."""

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connection
from pytest_django import Settings

from core.tests.clients import Api
from users import hashers
from users.tests.factories import UserFactory, employee


def pytest_report_header() -> str:
    """What the tests stand on, without users and passwords."""
    broker = django_settings.CELERY_BROKER_URL.partition(":")[0]
    cache = django_settings.CACHES["default"]["BACKEND"].rpartition(".")[2]
    return f"vitrine: {connection.vendor}, {cache}, broker {broker}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test about MySQL that was asked for without one fails rather than say nothing."""
    if item.get_closest_marker("mysql") and connection.vendor != "mysql":
        pytest.fail("needs MySQL: make test-mysql DATABASE_URL=mysql://…", pytrace=False)


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 costs 50 ms a password on purpose, and few may wait; tests about something else do not pay for it."""
    monkeypatch.setattr(hashers.slots, "patience_seconds", 60.0)
    monkeypatch.setattr(hashers.slots, "max_waiting", 1000)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


@pytest.fixture(autouse=True)
def _nobody_has_tried() -> None:
    """Attempts are counted in the cache: those of one test are not the next one's."""
    cache.clear()


@pytest.fixture
def shopper(db):
    """A signed-in shopper's API."""
    return Api(UserFactory())


@pytest.fixture
def staff(db):
    """A signed-in employee of the shop."""
    return Api(employee())


@pytest.fixture
def nobody(db):
    """The API without a token."""
    return Api()
