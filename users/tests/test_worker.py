"""Real workers, a real Redis and a real mail server, and somebody who pulls plugs; see bench/mail_chaos.py."""

import os
import shutil
import subprocess
import sys
from urllib.parse import urlunsplit

import pytest
from django.conf import settings

pytestmark = pytest.mark.worker


def database() -> str:
    """The server that these tests run on, as a URL without a name; empty for SQLite."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("mysql"):
        return ""
    password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
    place = f"{database['USER']}{password}@{database['HOST']}:{database['PORT'] or 3306}"
    return urlunsplit(("mysql", place, "", "", ""))


@pytest.mark.parametrize("kills", [0, 5])
def test_everybody_gets_one_mail_and_nobody_two(kills: int) -> None:
    if shutil.which("redis-server") is None:
        pytest.fail("needs Redis: apt-get install redis-server", pytrace=False)
    options = ["--registrations", "40", "--kills", str(kills), "--database", database()]
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-m", "bench.mail_chaos", *options],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
