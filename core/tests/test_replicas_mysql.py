"""A real MariaDB primary and its replica, of the test's own: no shopper notices that it stops, hangs or dies."""

import getpass
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from django.db import connection, connections

from catalog.models import Brand, Product
from catalog.tests.factories import ProductFactory
from core.db import replica_watch
from core.db.transactions import run_in_transaction
from core.http.health import state_of
from core.tests.clients import Api
from core.tests.test_replicas import REPLICA, WithReplica

pytestmark = [
    pytest.mark.mysql,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not shutil.which("mariadbd"), reason="needs mariadbd on this machine, for two servers of its own"
    ),
]
PASSWORD = "of-the-test"


class Server:
    """A MariaDB server that this test may stop, freeze and kill."""

    def __init__(self, folder, number):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.number, self.process = folder, number, None

    def start(self):
        options = [f"--datadir={self.folder}", f"--socket={self.folder}/s.sock", f"--port={self.port}"]
        options += [
            f"--server-id={self.number}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--log-bin=log",
            "--gtid-strict-mode=ON",
        ]
        options += [
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=64M",
            f"--user={getpass.getuser()}",
        ]
        self.process = subprocess.Popen(  # noqa: S603
            [shutil.which("mariadbd"), "--no-defaults", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self.answers, 30)

    def answers(self):
        # The driver is not there where these tests are only collected.
        from MySQLdb import OperationalError

        try:
            self.run("SELECT 1")
        except OperationalError:
            return False
        return True

    def run(self, *statements, database=""):
        from MySQLdb import connect

        with connect(unix_socket=f"{self.folder}/s.sock", user="root", db=database, autocommit=True) as client:
            for statement in statements:
                cursor = client.cursor()
                cursor.execute(statement)
            return cursor.fetchall()

    def kill(self):
        self.process.kill()
        self.process.wait()


def wait_until(is_so, seconds=20.0):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def servers(tmp_path_factory, django_db_setup, django_db_blocker):
    """The primary, with the tables of the test's database, and its replica."""
    folder = tmp_path_factory.mktemp("servers")
    install = [
        "mariadb-install-db",
        "--no-defaults",
        f"--user={getpass.getuser()}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]
    subprocess.run([*install, f"--datadir={folder}/1"], check=True, capture_output=True)  # noqa: S603
    shutil.copytree(folder / "1", folder / "2")
    primary, replica = Server(folder / "1", 1), Server(folder / "2", 2)
    try:
        primary.start()
        replica.start()
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("SHOW TABLES")
            tables = []
            for (table,) in cursor.fetchall():
                cursor.execute(f"SHOW CREATE TABLE `{table}`")
                tables.append(cursor.fetchone()[1])
            connection.close()
        rights = f"IDENTIFIED BY '{PASSWORD}'"
        primary.run(
            f"GRANT REPLICATION SLAVE ON *.* TO copy {rights}",
            "CREATE DATABASE shop CHARACTER SET utf8mb4",
            f"GRANT ALL ON shop.* TO shop {rights}",
        )
        replica.run(
            f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={primary.port}, MASTER_USER='copy', "
            f"MASTER_PASSWORD='{PASSWORD}', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1",
            "START SLAVE",
        )
        primary.run("SET foreign_key_checks = 0", *tables, database="shop")
        wait_until(lambda: has_all(primary, replica))
        yield primary, replica
    finally:
        for server in (primary, replica):
            if server.process is not None:
                server.kill()


def has_all(primary, replica):
    return replica.run("SELECT @@gtid_slave_pos") == primary.run("SELECT @@gtid_binlog_pos")


@pytest.fixture
def shop(servers, transactional_db, settings, monkeypatch):
    """A product on both servers, which are this process's databases. The replica is in use."""
    primary, replica = servers
    settings.CATALOG_PUBLIC, settings.DATABASE_REPLICAS = True, (REPLICA,)
    own = {**connection.settings_dict, "HOST": "127.0.0.1", "USER": "shop", "PASSWORD": PASSWORD, "NAME": "shop"}
    limits = {"connect_timeout": 1, "read_timeout": 2}
    databases = WithReplica(default={**own, "PORT": primary.port})
    databases.replica = {**own, "PORT": replica.port, "OPTIONS": {**own["OPTIONS"], **limits}}
    before = connections["default"]
    monkeypatch.setattr(connections, "settings", databases)
    connections["default"] = connections.create_connection("default")
    product = ProductFactory(name="Before")
    wait_until(lambda: has_all(primary, replica))
    wait_until(lambda: replica_watch.usable() == [REPLICA])
    yield product
    replica_watch.stop()
    Product.objects.all().delete()
    for alias in ("default", REPLICA):
        connections[alias].close()
        del connections[alias]
    connections["default"] = before


def name():
    ((product,),) = (Api().graphql("{products {nodes {name}}}")["products"]["nodes"],)
    return product["name"]


def names_for(seconds):
    """What shoppers read, each with the seconds since the beginning and those that it took."""
    began, reads = time.monotonic(), []
    while (asked := time.monotonic()) - began < seconds:
        reads.append((asked - began, name(), time.monotonic() - asked))
        time.sleep(0.01)
    return reads


def test_a_replica_that_has_stopped_shows_nothing_older_than_promised(servers, shop, settings):
    _, replica = servers
    replica.run("STOP SLAVE SQL_THREAD")
    try:
        Product.objects.update(name="After")
        reads = names_for(settings.DATABASE_REPLICA_MAX_LAG + 2)
    finally:
        replica.run("START SLAVE SQL_THREAD")
    assert reads[0][1] == "Before"
    assert {read for asked, read, _ in reads if asked >= settings.DATABASE_REPLICA_MAX_LAG} == {"After"}
    wait_until(lambda: replica_watch.usable() == [REPLICA])
    assert name() == "After"


def test_a_replica_that_hangs_costs_two_seconds_once(servers, shop):
    _, replica = servers
    replica.process.send_signal(signal.SIGSTOP)
    try:
        reads = names_for(5)
        assert state_of("database")["status"]
        assert replica_watch.reason(REPLICA) is not None
    finally:
        replica.process.send_signal(signal.SIGCONT)
    assert {read for _, read, _ in reads} == {"Before"}
    assert sorted(took for _, _, took in reads)[-2] < 1
    assert max(took for _, _, took in reads) < 3
    wait_until(lambda: replica_watch.usable() == [REPLICA])


def test_a_replica_that_dies_is_not_noticed_and_is_used_when_it_is_back(servers, shop):
    _, replica = servers
    replica.kill()
    reads = names_for(2)
    assert {read for _, read, _ in reads} == {"Before"}
    assert max(took for _, _, took in reads) < 1
    replica.start()
    wait_until(lambda: replica_watch.usable() == [REPLICA])
    Product.objects.update(name="After")
    wait_until(lambda: name() == "After")


def test_while_the_primary_is_silent_the_replica_answers(servers, shop):
    primary, _ = servers
    primary.process.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: replica_watch._seen[replica_watch.PRIMARY].error is not None)
        wait_until(lambda: replica_watch.usable() == [REPLICA])
        assert name() == "Before"
    finally:
        primary.process.send_signal(signal.SIGCONT)


def test_a_transaction_that_meets_a_read_only_server_runs_again_on_a_new_connection(servers, shop):
    primary, _ = servers
    Brand.objects.exists()
    old = connection.connection.thread_id()
    primary.run("SET GLOBAL read_only = ON")
    end = threading.Timer(0.3, primary.run, ["SET GLOBAL read_only = OFF"])
    end.start()
    run_in_transaction(lambda: Product.objects.update(name="Written"))
    end.join()
    assert connection.connection.thread_id() != old
    assert Product.objects.get().name == "Written"


def test_a_connection_to_a_read_only_server_ends_with_its_request(servers, shop):
    primary, _ = servers
    primary.run("SET GLOBAL read_only = ON")
    try:
        with pytest.raises(Exception, match="1290"):
            Product.objects.update(name="Refused")
        connection.close_if_unusable_or_obsolete()
        assert connection.connection is None
    finally:
        primary.run("SET GLOBAL read_only = OFF")
