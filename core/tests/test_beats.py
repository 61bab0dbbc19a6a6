"""Real beats, several at once, killed and frozen: one of them sends, and each sweep goes on."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from core.tests.processes import Service

pytestmark = pytest.mark.worker
SWEEP = "catalog.tasks.sweep_index"
INTERVAL_SECONDS = 2.0
# The lease's duration, a look for it, and what a busy machine takes.
TAKEOVER_SECONDS = 4 + 1 + 2


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    assert service.manage("migrate", "-v0").returncode == 0
    yield service
    service.kill_all()


def start(service: Service) -> "subprocess.Popen[str]":
    return service.start("-m", "celery", "--quiet", "-A", "core", "beat", "--pidfile=")


def sent(service: Service, seconds: float) -> list[float]:
    """When messages of the sweep came, taken from the broker's folder for so long."""
    moments, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        for path in (service.folder / "broker").glob("*/*.json"):
            if json.loads(path.read_text())["headers"]["task"] == SWEEP:
                moments.append(time.monotonic())
            path.unlink()
        time.sleep(0.02)
    return moments


def check_alone(moments: list[float], seconds: float) -> None:
    """One beat's messages: none too many, and none missing but while the lease changes hands."""
    assert moments
    # One more when another beat takes over.
    assert len(moments) <= seconds / INTERVAL_SECONDS + 2
    gaps = [after - before for before, after in pairwise(moments)]
    assert max(gaps, default=0) <= TAKEOVER_SECONDS + INTERVAL_SECONDS, gaps
    assert sum(gap < INTERVAL_SECONDS * 0.8 for gap in gaps) <= 1, gaps


def test_of_several_beats_one_sends_whichever_is_killed(service: Service) -> None:
    beats = [start(service) for _ in range(3)]
    check_alone(sent(service, 10), 10)
    for beat in beats[:2]:
        beat.send_signal(signal.SIGKILL)
        check_alone(sent(service, 11), 11)


def test_one_that_was_frozen_does_not_send_beside_its_successor(service: Service) -> None:
    beats = [start(service)]
    assert sent(service, 6)
    beats.append(start(service))
    beats[0].send_signal(signal.SIGSTOP)
    check_alone(sent(service, 10), 10)
    beats[0].send_signal(signal.SIGCONT)
    check_alone(sent(service, 8), 8)


def test_one_that_is_told_to_stop_is_followed_at_once(service: Service) -> None:
    beats = [start(service)]
    assert sent(service, 6)
    beats.append(start(service))
    time.sleep(3)
    beats[0].terminate()
    began = time.monotonic()
    assert sent(service, 4)[0] - began < INTERVAL_SECONDS + 1.5
    assert beats[0].wait(10) == 0
