"""A second terminal's `manage.py` finds the shop that `make run` runs, and no other."""

import os
from pathlib import Path

import pytest

from core.management import running


@pytest.fixture
def shops(tmp_path, monkeypatch):
    """Writes the file of a run that lives until the test ends, or until it is ended by its file descriptor."""
    monkeypatch.setattr(running, "FOLDER", tmp_path / "run")
    for name in ("DEBUG", "SITE_URL", *running.IDENTITY):
        monkeypatch.delenv(name, raising=False)
    held = []

    def begin(**variables):
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: 1000 + len(held))
            held.append(running.write(variables))
        return held[-1]

    yield begin
    for descriptor in held:
        os.close(descriptor) if descriptor is not None else None


@pytest.fixture
def adopted(monkeypatch):
    """What `manage.py` with these arguments and variables goes by."""

    def run(*arguments, **environment):
        with monkeypatch.context() as patch:
            patch.setattr(os, "environ", dict(environment))
            running.adopt(arguments)
            return os.environ

    return run


SHOP = {
    "DEBUG": "1",
    "VAR_DIR": "/srv/a",
    "DATABASE_URL": 'mysql://u:it\'s "so" $x\nhush@db/shop',
    "SITE_URL": "http://x",
}


def test_a_shop_that_runs_is_found(shops, adopted):
    shops(**SHOP)
    assert adopted("mail_status") == SHOP
    assert adopted("--traceback", "mail_status") == SHOP


def test_nobody_else_may_read_its_file(shops):
    shops(**SHOP)
    (file,) = running.FOLDER.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_run_that_is_over_means_nothing(shops, adopted):
    """Whatever ended it: the lock goes with the process."""
    shops(**SHOP)
    running.FOLDER.joinpath("7.env").write_text("DEBUG=1\nVAR_DIR=/srv/old\n")
    assert adopted("mail_status") == SHOP
    assert [path.name for path in running.FOLDER.iterdir()] == ["1000.env"]


def test_what_the_environment_says_wins(shops, adopted):
    shops(**SHOP)
    assert adopted("mail_status", DEBUG="0", VAR_DIR="/srv/a")["DEBUG"] == "0"
    assert adopted("mail_status", SITE_URL="http://y") == {**SHOP, "SITE_URL": "http://y"}


@pytest.mark.parametrize("name", running.IDENTITY)
@pytest.mark.parametrize("text", ["other", ""])
def test_half_of_one_shop_and_half_of_another_is_neither(shops, adopted, name, text):
    shops(**SHOP, SECRET_KEY="k" * 40)
    assert adopted("migrate", **{name: text}) == {name: text}


def test_an_empty_variable_names_the_embedded_one(shops, adopted):
    shops(DEBUG="1", VAR_DIR=str(running.BASE_DIR / "var"))
    assert adopted("mail_status", DATABASE_URL="", VAR_DIR="")["DEBUG"] == "1"


def test_of_two_shops_the_folder_picks_one(shops, adopted, tmp_path, monkeypatch):
    shops(**SHOP)
    shops(DEBUG="1", VAR_DIR=str(tmp_path / "b"))
    with pytest.raises(SystemExit, match=r"2 shops run here, in /srv/a and .*/b. Which one"):
        adopted("mail_status")
    monkeypatch.chdir(tmp_path)
    assert adopted("mail_status", VAR_DIR="b") == {"DEBUG": "1", "VAR_DIR": "b"}


@pytest.mark.parametrize("command", ["serve", "test", "runserver", "help"])
def test_what_begins_a_shop_of_its_own_takes_none_over(shops, adopted, command):
    shops(**SHOP)
    shops(DEBUG="1", VAR_DIR="/srv/b")
    assert adopted(command, "--flag") == {}
    assert adopted() == {}


def test_a_checkout_that_cannot_be_written_to_runs_all_the_same(monkeypatch):
    monkeypatch.setattr(running, "FOLDER", Path("/proc/nowhere"))
    assert running.write(SHOP) is None
    assert running.find({}) == []
    running.forget()
