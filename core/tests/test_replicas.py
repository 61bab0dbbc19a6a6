"""Shoppers' reads of the catalogue come from a replica that is near enough; every other read comes from the primary.

The replica is a copy of SQLite's file, which is as old as the last call of `replicate`.
"""

import sqlite3
import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, connections
from django.utils import timezone

from catalog.models import Product
from catalog.tests.factories import ProductFactory
from core.caching import revision
from core.db import replica_watch, replicas
from core.models import Heartbeat
from core.telemetry.recording import recorded
from core.tests.clients import Api
from users.tests.factories import UserFactory, employee

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="test_replicas_mysql.py has real ones"),
]
REPLICA = "replica1"
NAMES = "{products {nodes {name}}}"


class WithReplica(dict):
    """Django's databases, and one more that is not listed: tests may use no other than those of their class."""

    def __contains__(self, alias):
        return alias == REPLICA or super().__contains__(alias)

    def __missing__(self, alias):
        return self.replica


class Replica:
    def __init__(self, path):
        self.path = path

    def replicate(self):
        """The replica has all that the primary has now."""
        Heartbeat.objects.update_or_create(name=replica_watch.PRIMARY, defaults={"seen_at": timezone.now()})
        with sqlite3.connect(connection.settings_dict["NAME"]) as source, sqlite3.connect(self.path) as target:
            source.backup(target)
        source.close()
        target.close()

    def look(self, *, seconds_behind=0.0, age=0.0, error=None):
        """As if the threads had looked at both."""
        now = timezone.now()
        at = time.monotonic() - age
        replica_watch._seen[replica_watch.PRIMARY] = replica_watch._Seen(now, time.monotonic())
        replica_watch._seen[REPLICA] = replica_watch._Seen(now - timedelta(seconds=seconds_behind), at, error)

    def break_table(self):
        with connections[REPLICA].cursor() as cursor:
            cursor.execute("ALTER TABLE catalog_product RENAME TO away")


@pytest.fixture
def replica(settings, tmp_path, monkeypatch):
    settings.CATALOG_PUBLIC, settings.DATABASE_REPLICAS = True, (REPLICA,)
    databases = WithReplica(connections.settings)
    databases.replica = {**connection.settings_dict, "NAME": tmp_path / "replica.sqlite3"}
    monkeypatch.setattr(connections, "settings", databases)
    replica = Replica(tmp_path / "replica.sqlite3")
    replica.look()
    yield replica
    replica_watch.stop()
    connections[REPLICA].close()
    del connections[REPLICA]
    Heartbeat.objects.all().delete()


def names(api, query=NAMES):
    return [product["name"] for product in api.graphql(query)["products"]["nodes"]]


def rest_names():
    return [product["name"] for product in Api().client.get("/api/v1/products/search/").json()["results"]]


@pytest.fixture
def product(replica):
    product = ProductFactory(name="Before")
    replica.replicate()
    Product.objects.update(name="After")
    return product


class TestWhoIsAnsweredByWhom:
    def test_shoppers_by_the_replica(self, product):
        assert names(Api()) == names(Api(UserFactory())) == rest_names() == ["Before"]
        assert Api().client.get(f"/api/v1/products/{product.slug}/").json()["name"] == "Before"

    def test_staff_by_the_primary(self, product):
        assert names(Api(employee())) == ["After"]

    def test_what_is_not_the_catalogue_alone_by_the_primary(self, product):
        both = Api(UserFactory()).graphql("{me {email} products {nodes {name}}}")
        assert both["products"]["nodes"] == [{"name": "After"}]

    def test_the_default_connection_is_the_primary_again(self, product):
        names(Api())
        assert connections["default"].alias == "default"
        assert connections[REPLICA].execute_wrappers == connections["default"].execute_wrappers

    def test_statements_of_the_replica_are_recorded(self, product):
        with recorded() as recording:
            assert replicas.read(AnonymousUser(), Product.objects.get).name == "Before"
        assert recording.queries == 1


class TestWhatIsKept:
    def test_an_answer_of_the_replica_is_not_given_to_those_whom_the_primary_answers(self, replica, product):
        assert names(Api()) == names(Api()) == ["Before"]
        replica.look(seconds_behind=5)
        assert names(Api()) == ["After"]
        replica.look()
        assert names(Api()) == ["Before"]

    def test_an_answer_of_the_primary_is_given_again_by_the_replica_once_it_has_the_write(self, replica, product):
        replica.look(seconds_behind=5)
        assert names(Api()) == ["After"]
        replica.replicate()
        replica.look()
        with revision.request(), revision.anew():
            assert names(Api()) == ["After"]


class TestAReplicaIsLeftAlone:
    @pytest.mark.parametrize(
        "state", [{"seconds_behind": 1.1}, {"seconds_behind": -1.1}, {"age": 0.7}, {"error": "no answer in time"}]
    )
    def test_that_is_behind_or_silent(self, replica, product, state):
        replica.look(**state)
        assert names(Api()) == rest_names() == ["After"]

    def test_but_not_when_the_primary_is_silent(self, replica, product):
        replica.look(seconds_behind=0.5)
        replica_watch._seen[replica_watch.PRIMARY].error = "Connection refused"
        replica_watch._seen[replica_watch.PRIMARY].at -= 60
        assert names(Api()) == ["Before"]

    def test_that_fails_in_mid_read_and_nobody_notices(self, replica, product):
        replica.break_table()
        assert names(Api()) == ["After"]
        assert replica_watch.reason(REPLICA) == "OperationalError"
        replica.look()
        assert rest_names() == ["After"]

    def test_and_another_one_answers(self, replica, product, settings, monkeypatch):
        settings.DATABASE_REPLICAS = ("gone", REPLICA)
        monkeypatch.setattr(replica_watch.random, "shuffle", lambda aliases: None)
        connections["gone"] = connections[REPLICA].copy("gone")
        connections["gone"].settings_dict["NAME"] = "/nowhere/replica.sqlite3"
        replica.look()
        replica_watch._seen["gone"] = replica_watch._seen[REPLICA]
        try:
            assert names(Api()) == ["Before"]
            assert replica_watch.reason("gone")
            assert not replica_watch.reason(REPLICA)
        finally:
            del connections["gone"]

    def test_that_cannot_be_connected_to(self, replica, product):
        connections[REPLICA].close()
        connections.settings.replica["NAME"] = "/nowhere/replica.sqlite3"
        assert names(Api()) == ["After"]
        assert replica_watch.reason(REPLICA)

    def test_for_a_product_that_it_lacks(self, replica, product):
        new = ProductFactory(name="New")
        query = f'{{product(slug: "{new.slug}") {{name}}}}'
        assert Api().graphql(query)["product"] == {"name": "New"}
        assert Api().client.get(f"/api/v1/products/{new.slug}/").json()["name"] == "New"
        assert replica_watch.reason(REPLICA) is None

    def test_it_is_never_written_to(self, replica, product):
        def write():
            Product.objects.update(name="Written")
            return connections["default"].alias

        assert replicas.read(AnonymousUser(), write) == "default"
        assert names(Api()) == ["Before"]


def test_the_threads_look_at_both(replica):
    replica.replicate()
    replica_watch.stop()
    replica_watch.start()
    deadline = time.monotonic() + 10
    while replica_watch.usable() != [REPLICA]:
        assert time.monotonic() < deadline
        replica.replicate()
        time.sleep(0.05)
    # It gets no more writes.
    while "behind" not in (replica_watch.reason(REPLICA) or ""):
        assert time.monotonic() < deadline
        time.sleep(0.05)
