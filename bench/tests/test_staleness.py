"""A few seconds of bench.staleness: writers, readers and processes of gunicorn on one database, and some are killed."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection


@pytest.mark.slow
def test_no_answer_is_older_than_an_acknowledged_write():
    environment = {**os.environ, "PYTHONPATH": str(settings.BASE_DIR)}
    if connection.vendor == "sqlite":
        environment["DATABASE_URL"] = ""
    result = subprocess.run(
        [sys.executable, "-m", "bench.staleness", "--seconds", "4", "--workers", "2", "--readers", "2"],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
