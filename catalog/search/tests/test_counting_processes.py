"""Real processes that end sooner than they would store what people look for."""

import signal
import socket
import time
import urllib.request

import pytest

from catalog.search import counting
from core.tests.processes import Service, until

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path):
    service = Service(tmp_path, CATALOG_PUBLIC="1", SEARCH_ENGINE="database")
    assert service.manage("migrate").returncode == 0
    yield service
    service.kill_all()


def stored(shop):
    return shop.run(
        "from catalog.models import SearchCount\n"
        "print(*SearchCount.objects.order_by('text').values_list('text', 'searches', 'hits'), end='')"
    )


def test_gunicorns_processes_store_what_waits_when_they_are_stopped(shop):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    options = ["--bind", address, "--workers", "2", "--threads", "4", "--no-control-socket"]
    server = shop.start("-m", "gunicorn", "core.wsgi", *options)

    def answers():
        try:
            return urllib.request.urlopen(f"http://{address}/healthz").status == 200
        except OSError:
            return False

    until(answers)
    for n in range(30):
        url = f"http://{address}/api/v1/products/search/?q={('lamp', 'sofa')[n % 2]}"
        urllib.request.urlopen(url).close()
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0
    assert stored(shop) == "('lamp', 15, 0) ('sofa', 15, 0)"


def test_a_forked_process_counts_for_itself_alone(shop):
    """What waited before the fork is stored once, by the parent."""
    shop.run(
        "import os, sys\n"
        "from django.test import Client\n"
        "def search(): assert Client().get('/api/v1/products/search/?q=lamp').status_code == 200\n"
        "search()\n"
        "child = os.fork()\n"
        "search()\n"
        "if child: assert os.waitpid(child, 0)[1] == 0"
    )
    assert stored(shop) == "('lamp', 3, 0)"


def test_a_process_ends_in_time_when_the_database_does_not_answer(shop):
    """A connection that is accepted and never served, as of a database that hangs."""
    script = (
        "import time\n"
        "from catalog.search import counting\n"
        "counting.store = lambda *_: time.sleep(600)\n"
        "from django.test import Client\n"
        "assert Client().get('/api/v1/products/search/?q=lamp').status_code == 200\n"
        "print(time.time())"
    )
    searched_at = float(shop.run(script))
    assert time.time() - searched_at < counting.FLUSH_SECONDS + 10
