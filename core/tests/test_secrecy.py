"""Other processes of the same user cannot inspect a process that has the secrets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as here

from core.tests.processes import PRODUCTION

SCRIPT = """
import ctypes, os
import core.settings
dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
forked = os.fork()
if not forked:
    dumpable = max(dumpable, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
    os._exit(dumpable)
_, status = os.waitpid(forked, 0)
print(dumpable + status, flush=True)
input()
"""


def test_a_process_that_has_read_the_settings_cannot_be_inspected(tmp_path):
    """Nor one that it forks, as gunicorn does. Proved by asking the kernel; by trying where the tests are not root."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", SCRIPT],
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), **PRODUCTION},
        cwd=here.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "0\n"
        if os.geteuid() != 0:
            for name in ("environ", "mem", "maps"):
                with pytest.raises(PermissionError):
                    Path(f"/proc/{process.pid}/{name}").read_bytes()
    finally:
        process.communicate("\n")
