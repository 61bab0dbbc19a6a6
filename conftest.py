"""Hooks and fixtures for every test: what makes them cheap, and no test that is left out unseen."""

import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connection, transaction
from django.test import SimpleTestCase
from django.test.client import ClientHandler

from catalog import kept
from catalog.demo.seed import seed_demo
from catalog.models import SteeringVersion
from catalog.search.steering import selectors
from catalog.search.steering.snapshot import EMPTY
from core.http.chains import load_chains
from core.models import RevisionCounter
from core.tests.clients import Api
from core.urls import graphql
from users import hashers
from users.tests.factories import UserFactory, employee


def pytest_configure(config: pytest.Config) -> None:
    """Settings that make every test cheaper."""
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(WorkerReports())
    # Otherwise each Client lists all static files anew: 30 ms, half of what an average test costs.
    django_settings.WHITENOISE_AUTOREFRESH = True
    # The test client's requests take the same chains as those of the server.
    ClientHandler.load_middleware = load_chains
    # Argon2 costs 50 ms a password on purpose; users/tests/test_hashing.py puts it back.
    django_settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        *django_settings.PASSWORD_HASHERS,
    ]


def pytest_collection_finish() -> None:
    """What was imported stays; the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> str:
    """What the tests stand on, without users and passwords."""
    broker = django_settings.CELERY_BROKER_URL.partition(":")[0]
    cache = django_settings.CACHES["default"]["BACKEND"].rpartition(".")[2]
    return f"vitrine: {connection.vendor}, {cache}, broker {broker}"


WITHOUT_DATABASE = "without a database"
# Where tests without a database have nothing to do with a cache or a broker either.
SAME_EVERYWHERE = (
    *("bench/", "core/execution/", "core/http/", "core/patches/", "catalog/importing/reading/"),
    *(f"catalog/images/tests/test_{name}.py" for name in ("confinement", "inspect", "pool", "render")),
    *(f"core/tests/test_{name}.py" for name in ("bounds", "docs", "graphql_memory", "settings")),
)

# What runs the tests of a marker that a run left out.
LEFT_TO = {
    "slow": "make test-all",
    "worker": "make test-worker",
    "mysql": "make test-mysql",
    "browser": "make test-browser",
    WITHOUT_DATABASE: "make test-all",
}
deselected: Counter[str] = Counter()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Counts what a run leaves out, by marker."""
    deselected.update(marker for item in items for marker in LEFT_TO if item.get_closest_marker(marker))


class WorkerReports:
    """With pytest-xdist: the workers collect, and the first process tells."""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["deselected"] = dict(deselected)

    def pytest_testnodedown(self, node: Any) -> None:
        deselected.update(node.workeroutput.get("deselected", {}) if not deselected else {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names what was left out, and the command that runs it."""
    for marker, number in deselected.items():
        terminalreporter.write_line(f"left out: {number} {marker} ({LEFT_TO[marker]})")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On MySQL, leaves out what would only run a second time."""
    if connection.vendor != "mysql":
        return
    again = [item for item in items if item.nodeid.startswith(SAME_EVERYWHERE) and not _uses_database(item)]
    if again:
        deselected[WITHOUT_DATABASE] = len(again)
        config.hook.pytest_deselected(items=again)
        items[:] = [item for item in items if item not in {*again}]


def _uses_database(item: pytest.Item) -> bool:
    is_case = issubclass(getattr(item, "cls", None) or object, SimpleTestCase)
    is_marked = any(item.get_closest_marker(name) for name in ("django_db", "mysql", "worker", "browser"))
    fixtures = {"db", "transactional_db", "django_db_setup", "live_server"}
    return is_case or is_marked or not fixtures.isdisjoint(getattr(item, "fixturenames", ()))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test about MySQL that was asked for without one fails rather than say nothing."""
    if item.get_closest_marker("mysql") and connection.vendor != "mysql":
        pytest.fail("needs MySQL: make test-mysql DATABASE_URL=mysql://…", pytrace=False)


OUR_APPS = ("cart", "catalog", "core", "demo", "users")
database_is_made: list[bool] = []


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    database_is_made.append(True)


@pytest.fixture(autouse=True, scope="module")
def _no_rows_are_left(django_db_blocker: Any) -> Iterator[None]:
    """A module whose fixtures or threads commit rows takes them back: the next module would find them."""
    yield
    if database_is_made:
        models = [model for app in OUR_APPS for model in apps.get_app_config(app).get_models()]
        # What tells of changes also tells of rows that are taken back.
        models = [model for model in models if model not in (RevisionCounter, SteeringVersion)]
        with django_db_blocker.unblock():
            left = [model._meta.label for model in models if model._base_manager.exists()]
        if left:
            pytest.fail(f"rows are left of {', '.join(left)}", pytrace=False)


@pytest.fixture(autouse=True)
def _patient_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few may wait for a password to be hashed; tests about something else, on a slow machine, are never refused."""
    monkeypatch.setattr(hashers.slots, "patience_seconds", 60.0)
    monkeypatch.setattr(hashers.slots, "max_waiting", 1000)


@pytest.fixture(autouse=True)
def _nobody_has_tried() -> None:
    """Attempts are counted in the cache: those of one test are not the next one's."""
    cache.clear()


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """No test is given an answer of another, whose settings were others, nor finds what is kept full of its rows."""
    kept.store.clear()
    graphql.server.answers.kept.clear()


@pytest.fixture(autouse=True)
def _no_steering(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test finds the synonyms and rules of another, or a query for them among those that it counts.

    A test about them asks for the fixture `steering` (catalog.search.steering.tests.conftest).
    """
    monkeypatch.setattr(selectors, "snapshots", SimpleNamespace(current=lambda: EMPTY))


@pytest.fixture(scope="class")
def demo_shop(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The demo shop, seeded once for the tests of a class. What a test changes in it is rolled back."""
    with django_db_blocker.unblock(), transaction.atomic():
        seed_demo()
        # They belong to no test.
        connection.run_on_commit.clear()
        yield
        transaction.set_rollback(True)


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
