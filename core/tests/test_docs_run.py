"""The documentation's commands and queries, run against a demo shop; docs/testing.md says how a block is marked."""

import json
import re
import shutil
import subprocess

import pytest
from django.core.management import call_command

from core.tests.clients import Api
from core.tests.markdown import PAGES, blocks, name_of
from users.models import User

pytestmark = pytest.mark.slow

SHOP = re.compile(r"http://(?:127\.0\.0\.1|localhost):8000")
# As a reader's shell, except that an answer of 400 and more is a failure.
PREAMBLE = 'set -euo pipefail\ncurl() { command curl --fail-with-body --show-error "$@"; }\n'


def marked(*words):
    return [page for page in PAGES if any(block.info[: len(words)] == words for block in blocks(page))]


@pytest.fixture
def shop(settings, live_server):
    """A demo shop's origin, open as `make run` makes it."""
    settings.DEBUG = settings.CATALOG_PUBLIC = settings.GUEST_CARTS = True
    call_command("seed_demo", verbosity=0)
    return live_server.url


def run(command, text, shop):
    done = subprocess.run(  # noqa: S603 - our own documentation
        command, input=SHOP.sub(shop, text), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", marked("sh", "test"), ids=name_of)
def test_shell_commands_work(page, shop, tmp_path):
    text = "\n".join(block.text for block in blocks(page) if block.info == ("sh", "test"))
    said = run([shutil.which("bash")], PREAMBLE + text.replace("/tmp/", f"{tmp_path}/"), shop)  # noqa: S108
    assert said
    assert '"errors":[{"message"' not in said
    assert "INTERNAL_ERROR" not in said


@pytest.mark.parametrize("page", marked("js", "test"), ids=name_of)
def test_scripts_work(page, shop):
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    text = "\n".join(block.text for block in blocks(page) if block.info == ("js", "test"))
    assert run([node, "--input-type=module", "-"], text, shop).strip() == "shopper@example.com"


LAMP = '{ products(search: "lamp", first: 1) { nodes { id } } }'


@pytest.mark.parametrize("page", marked("graphql", "test"), ids=name_of)
def test_queries_are_answered(page, db, settings):
    settings.DEBUG = True
    call_command("seed_demo", verbosity=0)
    shopper, staff = (Api(User.objects.get(email=f"{name}@example.com")) for name in ("shopper", "staff"))
    page_blocks = blocks(page)
    for block, after in zip(page_blocks, [*page_blocks[1:], None], strict=True):
        if block.info[:2] != ("graphql", "test"):
            continue
        variables = json.loads(after.text) if after and after.info == ("json", "variables") else {}
        if "$input: CartLinesAddInput!" in block.text:
            lamp = shopper.graphql(LAMP)["products"]["nodes"][0]
            variables = {"input": {"lines": [{"productId": lamp["id"]}]}}
        assert (staff if "staff" in block.info else shopper).graphql(block.text, **variables)


@pytest.mark.parametrize("page", marked("csv", "import"), ids=name_of)
def test_files_are_imported(page, db, tmp_path, capsys):
    for number, block in enumerate(block for block in blocks(page) if block.info == ("csv", "import")):
        file = tmp_path / f"{number}.csv"
        file.write_text(block.text)
        call_command("import_products", file)
        assert f"{block.text.count(chr(10)) - 1} created" in capsys.readouterr().out
