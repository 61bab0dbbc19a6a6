"""Every bound in docs/security.md is as the code has it: defaults outside DEBUG, constants, lines of files."""

import importlib
import os
import re
import runpy
from datetime import timedelta

import pytest
from django.conf import settings

PAGE = settings.BASE_DIR / "docs" / "security.md"
# What a start without DEBUG insists on.
ENVIRONMENT = {
    **{"SECRET_KEY": "k" * 50, "JWT_SECRET_KEY": "j" * 50, "ALLOWED_HOSTS": "shop.example"},
    **{"SITE_URL": "https://shop.example", "EMAIL_URL": "smtp://mail.example", "METRICS_TOKEN": "m" * 50},
}
VARIABLE = re.compile(r"(?:env\.\w+|rate|seconds|bounded)\(\s*\"([A-Z][A-Z0-9_]+)\"")
# Variables whose name says that they bound something; each must stand in the page.
BOUND = re.compile(
    r"^(GRAPHQL_(MAX|DOCUMENTS|PERSISTED)|THROTTLE_|RATE_LIMIT_|IMAGES?_|CART_|PASSWORD_HASH|MAX_)|_(MAX|LIMIT|TIMEOUT)(_|$)"
)
# The age of our own connections to the database: nobody's request is bounded by it.
NO_BOUNDS = {"CONN_MAX_AGE"}
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "minutes": 60, "hours": 3600, "days": 86400}


def rows():
    """(value, setting) of every row of the tables of bounds."""
    tables = PAGE.read_text().partition("\n## Bounds\n")[2]
    for line in tables.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] != "what" and not cells[0].startswith("---"):
            assert len(cells) == 4, line
            yield cells[1], cells[2].strip("`")


@pytest.fixture(scope="module")
def production(tmp_path_factory):
    """The settings of a start without DEBUG and with nothing else set."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(PATH=before["PATH"], VAR_DIR=str(tmp_path_factory.mktemp("var")), **ENVIRONMENT)
    try:
        return runpy.run_path(str(settings.BASE_DIR / "core" / "settings.py"))
    finally:
        os.environ.clear()
        os.environ.update(before)


def bound(text):
    """A cell's value: a rate as (count, seconds), anything else as a number; None for "off"."""
    if text.startswith("off"):
        return None
    if text.startswith("cores"):
        return os.cpu_count()
    if (rate := re.match(r"(\d+)/(\d*)([smhd])\b", text)) is not None:
        return int(rate[1]), int(rate[2] or 1) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[rate[3]]
    number = re.match(r"([\d,]+(?:\.\d+)?)(?: (\w+))?", text)
    assert number, f"{text!r} begins with no number"
    return float(number[1].replace(",", "")) * UNITS.get(number[2], 1)


def value_of(name, production):
    """The value behind a cell's name: a line of a file, a constant or a setting."""
    if ":" in name:
        file, _, variable = name.partition(":")
        line = re.search(
            rf"\b{variable}(?:\s*=\s*|:?-)([\d_]+)([a-z]?)", (settings.BASE_DIR / file).read_text(), re.MULTILINE
        )
        assert line, f"{file} does not say {variable}"
        return int(line[1]) * {"m": 2**20, "k": 2**10}.get(line[2], 1)
    if "." in name:
        parts = name.split(".")
        for end in range(len(parts) - 1, 0, -1):
            try:
                value = importlib.import_module(".".join(parts[:end]))
            except ModuleNotFoundError:
                continue
            for part in parts[end:]:
                value = getattr(value, part)
            return value
        raise AssertionError(f"there is no {name}")
    return production[name] if name in production else getattr(settings, name)


@pytest.mark.parametrize(("stated", "name"), list(rows()), ids=[name for _, name in rows()])
def test_a_bound_is_what_the_page_says(stated, name, production):
    value = value_of(name, production)
    if isinstance(value, timedelta):
        value = value.total_seconds()
    assert bound(stated) == (tuple(value) if isinstance(value, tuple | list) else value)


def test_every_setting_that_bounds_something_is_on_the_page():
    source = (settings.BASE_DIR / "core" / "settings.py").read_text()
    names = {name for name in VARIABLE.findall(source) if BOUND.search(name)} - NO_BOUNDS
    assert len(names) > 20, "the pattern finds no variables any more"
    assert names <= {name for _, name in rows()}


def test_no_bound_is_listed_twice():
    names = [name for _, name in rows()]
    assert len(set(names)) == len(names)
