"""`/healthz` and `/readyz`: what a probe learns when things stand, stop or stall."""

import re
import socket
import uuid
from datetime import timedelta

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from catalog.images.models import ImageJob, ProductImage
from catalog.models import BulkChange, ImportJob, IndexChange
from catalog.tests.factories import ProductFactory
from core.celery import app
from core.http.health import CHECKS
from core.jobs import heartbeat
from core.models import Heartbeat
from users.models import OutgoingMail


@pytest.fixture
def closed_port():
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def silent_port():
    """A port that takes connections and never answers, as a paused server does."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(20)
        yield server.getsockname()[1]


@pytest.fixture
def cache_at(settings):
    """Points the cache at a Redis on the given port, with the options of core.settings."""

    def point(port):
        settings.CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": f"redis://:hush-hush@127.0.0.1:{port}/0",
                "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1, "retry": Retry(NoBackoff(), 1)},
            }
        }

    return point


@pytest.fixture
def broker_at(settings):
    """Points the broker at a Redis on the given port."""
    before = app.conf.broker_url, app.conf.broker_write_url

    def point(port):
        url = f"redis://:hush-hush@127.0.0.1:{port}/0"
        settings.CELERY_BROKER_URL = app.conf.broker_url = app.conf.broker_write_url = url

    yield point
    app.conf.broker_url, app.conf.broker_write_url = before


@pytest.fixture
def all_alive(db):
    """A worker for each queue, and beat, were seen just now."""
    heartbeat.write({heartbeat.BEAT, *heartbeat.queue_names()})


def test_every_dependency_is_ready(client, all_alive):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert set(answer.json()["checks"]) == {"database", "cache", "broker", "search", "worker", "jobs"}
    for state in answer.json()["checks"].values():
        assert state["status"] == "ok"
        assert state["latency_ms"] >= 0
        assert "reason" not in state


def test_the_process_lives_whatever_it_stands_on(client):
    """No database is touched: without the db fixture a query would fail this test."""
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_no_answer_is_kept(client, db, path):
    assert "no-store" in client.get(path)["Cache-Control"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_only_reading(client, db, path):
    assert client.head(path).status_code == 200
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(path).status_code == 405


@pytest.mark.parametrize("host", ["10.1.2.3:8000", "[fe80::1]", "not a host", ""])
def test_a_probe_comes_with_any_host_in_plain_http_and_only_a_probe(db, host):
    with override_settings(ALLOWED_HOSTS=["shop.example.com"], SECURE_SSL_REDIRECT=True, DEBUG=False):
        client = Client(HTTP_HOST=host, raise_request_exception=False)
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200
        assert client.get("/").status_code == 400


def test_cache_down_is_degraded(client, db, cache_at, closed_port):
    cache_at(closed_port)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["cache"]["status"] == "down"
    assert answer.json()["checks"]["cache"]["reason"] == "Connection refused"
    assert answer.json()["checks"]["database"]["status"] == "ok"


def test_broker_down_is_degraded(client, db, broker_at, closed_port):
    broker_at(closed_port)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["broker"]["status"] == "down"
    assert answer.json()["checks"]["broker"]["reason"] == "Connection refused"


@pytest.mark.slow
def test_a_stalled_cache_and_a_stalled_broker_are_given_up(client, db, cache_at, broker_at, silent_port):
    """Each would never answer, so that there is an answer here at all is the time limits' doing."""
    cache_at(silent_port)
    broker_at(silent_port)
    checks = client.get("/readyz").json()["checks"]
    assert checks["cache"]["reason"] == checks["broker"]["reason"] == "no answer in time"


def test_the_embedded_broker_needs_a_folder_that_it_can_write_to(client, db, settings, tmp_path):
    (tmp_path / "file").touch()
    settings.CELERY_BROKER_URL = "embedded://"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"folder": str(tmp_path / "file" / "broker")}
    broker = client.get("/readyz").json()["checks"]["broker"]
    assert (broker["status"], broker["reason"]) == ("down", "Not a directory")


class TestWorker:
    """What /readyz and /metrics tell of the processes behind the broker."""

    @pytest.fixture
    def ask(self, client):
        return lambda: client.get("/readyz").json()

    def test_a_worker_that_was_never_seen_is_unknown(self, ask, db):
        answer = ask()
        assert answer["status"] == "degraded"
        assert answer["checks"]["worker"]["status"] == "unknown"
        assert "beat, the worker of queue celery, the worker of queue images" in answer["checks"]["worker"]["reason"]

    def test_one_queue_without_a_worker_is_enough(self, ask, all_alive):
        long_ago = timezone.now() - timedelta(seconds=60)
        Heartbeat.objects.filter(name="images").update(seen_at=long_ago)
        worker = ask()["checks"]["worker"]
        assert worker["status"] == "degraded"
        assert worker["reason"] == "last seen: the worker of queue images (60 s ago)"
        assert worker["last_seen_seconds"] == pytest.approx(60, abs=5)

    def test_it_is_ok_up_to_the_setting(self, ask, all_alive, settings):
        Heartbeat.objects.update(seen_at=timezone.now() - timedelta(seconds=60))
        settings.READYZ_WORKER_AFTER = timedelta(seconds=90)
        assert ask()["checks"]["worker"]["status"] == "ok"

    def test_a_clock_that_is_behind_makes_nobody_unseen(self, ask, all_alive):
        Heartbeat.objects.update(seen_at=timezone.now() + timedelta(seconds=30))
        assert ask()["checks"]["worker"] == {
            "status": "ok",
            "last_seen_seconds": 0.0,
            "latency_ms": pytest.approx(0, abs=1000),
        }

    def test_metrics_tell_the_same(self, client, all_alive, settings):
        settings.METRICS_TOKEN = "t" * 20

        def told():
            lines = (
                client.get("/metrics", headers={"Authorization": "Bearer " + "t" * 20}).content.decode().splitlines()
            )
            return next(line.split()[-1] for line in lines if line.startswith("vitrine_worker_last_seen_seconds "))

        Heartbeat.objects.filter(name="beat").update(seen_at=timezone.now() - timedelta(seconds=100))
        assert float(told()) == pytest.approx(100, abs=5)
        Heartbeat.objects.filter(name="beat").delete()
        assert told() == "+Inf"

    def test_seen_again_it_is_the_same_row(self, db, django_assert_max_num_queries):
        heartbeat.write({"celery", "images"})
        with django_assert_max_num_queries(1):
            heartbeat.write({"celery", "images"})
        assert Heartbeat.objects.count() == 2


class TestJobs:
    """Jobs whose time is over."""

    def test_nothing_is_overdue(self, client, db):
        jobs = client.get("/readyz").json()["checks"]["jobs"]
        assert (jobs["status"], jobs["overdue_seconds"]) == (
            "ok",
            dict.fromkeys(("bulk", "index", "image", "import", "mail"), 0.0),
        )

    @pytest.mark.parametrize("status", ["DUE", "CLAIMED"])
    def test_a_mail_that_waits_too_long_is_told_whether_claimed_or_not(self, client, db, status):
        due = timezone.now() - timedelta(minutes=10)
        OutgoingMail.objects.create(kind="WELCOME", status=status, due_at=due)
        OutgoingMail.objects.create(kind="WELCOME", status="DUE", due_at=timezone.now() + timedelta(hours=1))
        OutgoingMail.objects.create(kind="WELCOME", status="SENT", due_at=due - timedelta(hours=1))
        answer = client.get("/readyz").json()
        assert answer["status"] == "degraded"
        assert answer["checks"]["jobs"]["status"] == "degraded"
        assert answer["checks"]["jobs"]["reason"] == "overdue: mail"
        assert answer["checks"]["jobs"]["overdue_seconds"]["mail"] == pytest.approx(600, abs=10)

    def test_images_imports_bulk_changes_and_index_are_looked_at_too(self, client, db, settings):
        settings.SEARCH_ENGINE, settings.METRICS_TOKEN = "tantivy", "t" * 20
        due = timezone.now() - timedelta(minutes=10)
        ImageJob.objects.create(kind=ImageJob.Kind.REMOVE, key=uuid.uuid4(), due_at=due)
        ImportJob.objects.create(file_name="products.csv", bytes=1, due_at=due)
        BulkChange.objects.create(kind="ARCHIVE", size=1, due_at=due)
        IndexChange.objects.create(kind="product", key=1, created_at=due)
        IndexChange.objects.create(kind="product", key=1, created_at=due - timedelta(hours=1), applied=True)
        # Nobody waits for further formats.
        image = ProductImage.objects.create(product=ProductFactory(), width=1, height=1, source="JPEG", bytes=1)
        later = {"kind": ImageJob.Kind.LATER, "key": image.key, "image": image}
        ImageJob.objects.create(**later, due_at=due - timedelta(hours=1))
        overdue = client.get("/readyz").json()["checks"]["jobs"]["overdue_seconds"]
        late = pytest.approx(600, abs=10)
        assert overdue == {"bulk": late, "index": late, "image": late, "import": late, "mail": 0.0}
        metrics = client.get("/metrics", headers={"Authorization": "Bearer " + "t" * 20}).content.decode()
        assert 'vitrine_jobs_overdue_seconds{kind="image"} 6' in metrics


def test_no_secret_in_the_answer(client, db, cache_at, broker_at, closed_port):
    cache_at(closed_port)
    broker_at(closed_port)
    text = client.get("/readyz").content.decode()
    assert not re.search(r"hush|redis:|127\.0\.0\.1|" + str(closed_port), text)


@pytest.mark.django_db(transaction=True)
def test_database_down_is_503(client):
    """A database that refuses everybody: MySQL on a closed port, SQLite in a folder that is gone."""
    name, port = connection.settings_dict["NAME"], connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict.update(NAME="/nowhere/db.sqlite3" if connection.vendor == "sqlite" else name, PORT=1)
    kept, connection.connection = connection.connection, None
    closing, connection.close = connection.close, lambda: None
    try:
        answer = client.get("/readyz")
    finally:
        connection.settings_dict.update(NAME=name, PORT=port)
        connection.connection, connection.close = kept, closing
    assert answer.status_code == 503
    assert answer.json()["status"] == "down"
    assert answer.json()["checks"]["database"]["status"] == "down"
    assert answer.json()["checks"]["cache"]["status"] == "ok"
    assert answer.json()["checks"]["worker"]["status"] == answer.json()["checks"]["jobs"]["status"] == "unknown"
    assert "nowhere" not in answer.content.decode()


def test_unapplied_migrations_are_a_database_down(client, db):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'catalog'")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"]["reason"] == "migrations not applied: catalog"


def test_a_ready_service_is_asked_little(client, db, django_assert_max_num_queries):
    CHECKS["cache"]()
    caches.close_all()
    with django_assert_max_num_queries(7):
        client.get("/readyz")
