"""Concurrent cart mutations over HTTP, with several server processes."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

RESULTS = ["one line, the exact sum", "each returned by one change", "each applied once"]


@pytest.mark.slow
def test_races_over_http():
    few = ["--rounds", "2", "--clients", "30", "--steps", "8", "--retrying", "60", "--workers", "4"]
    unset = {"CELERY_BROKER_URL", "CACHE_URL", "VAR_DIR"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "bench.cart_races", *few],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(map(str.endswith, done.stdout.splitlines()[-3:], RESULTS)), done.stdout
    assert "Traceback" not in done.stderr
