"""A real worker and its children are killed again and again. Every image becomes READY, and no file is left over."""

import os
import subprocess
import sys

import pytest

from catalog.images.pool import ROOT


@pytest.mark.worker
def test_killed_again_and_again() -> None:
    """bench/storm.py runs on a database of its own, not on that of the tests."""
    environment = {name: value for name, value in os.environ.items() if name not in ("VAR_DIR", "DATABASE_URL")}
    run = subprocess.run(
        [sys.executable, "-m", "bench.storm", "--uploads", "20", "--kills", "25", "--side", "1200"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert run.returncode == 0, run.stdout + run.stderr
