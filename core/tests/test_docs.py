"""The documentation names what there is and nothing else: links, files, commands, settings, metrics, error codes."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import graphql
import pytest
import yaml
from django.apps import apps
from django.core.management import get_commands, load_command_class

from core import errors
from core.config import env
from core.graphql.errors import Code
from core.http.health import CHECKS
from core.schema import schema
from core.telemetry.metrics import REGISTRY, _gauges
from core.tests.markdown import PAGES, ROOT, anchors, blocks, code_spans, first_cells, links, name_of, prose

each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)
# What is named without being in the repository: written by a command, or somebody else's.
MADE = {"docker/.env", "persisted-documents.json", "codegen.ts", "package.json", "photo.png", "gql"}
SUFFIXES = r"(?:py|md|yml|yaml|toml|txt|in|json|graphql|sh|css|js)"
DJANGO_COMMANDS = {"createsuperuser", "migrate", "collectstatic", "check"}


def commands_of_ours():
    names = {app.name for app in apps.get_app_configs()}
    return {
        command
        for command, app in get_commands().items()
        if app in names and not app.startswith(("django", "graphene", "drf", "rest_framework", "corsheaders"))
    }


@each_page
def test_links_lead_somewhere(page):
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each_page
def test_files_that_are_named_exist(page):
    for span in code_spans(page):
        name = span.removesuffix("/")
        is_path = re.fullmatch(rf"[\w.-]+(/[\w.-]+)*\.{SUFFIXES}", span) or re.fullmatch(r"([\w-]+/)+", span)
        if not is_path or name in MADE or name.startswith(("var/", "backups/", ".venv", "products/", "auth/")):
            continue
        places = [ROOT / name, page.parent / name, page.parent / "tests" / name]
        places += [*ROOT.glob(f".github/*/{name}"), *ROOT.glob(f"*/{name}")]
        # A second file of a row, such as `catalog/images/pool.py` and `child.py`.
        places += [(ROOT / other).parent / name for other in code_spans(page) if "/" in other]
        assert any(place.exists() for place in places) or name in {"media", "originals"}, span


@each_page
def test_make_targets_that_are_named_exist(page):
    targets = set(re.findall(r"^([a-z][a-z-]*)(?: [a-z-]+)*:", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets |= set(re.search(r"^base dev production", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split())
    text = [*code_spans(page), *(block.text for block in blocks(page) if "sh" in block.info)]
    named = {name for span in text for name in re.findall(r"\bmake ([a-z][a-z-]*)", span)}
    assert {name.removesuffix("-") for name in named} - {"bench"} <= targets


@each_page
def test_commands_that_are_named_take_their_options(page):
    text = [*code_spans(page), *(block.text for block in blocks(page) if "sh" in block.info)]
    known = commands_of_ours() | DJANGO_COMMANDS
    for line in "\n".join(text).replace("\\\n", " ").splitlines():
        match = re.search(r"(?:manage\.py|migrate manage) ([a-z_]+)([^#`\"]*)", line)
        if match is None:
            continue
        assert match[1] in known, line
        if match[1] in commands_of_ours():
            parser = load_command_class(get_commands()[match[1]], match[1]).create_parser("manage.py", match[1])
            options = set(re.findall(r"--[a-z-]+", match[2]))
            assert options <= set(parser._option_string_actions), line


def test_the_readme_is_read_in_one_sitting():
    assert 900 <= len((ROOT / "README.md").read_text().split()) <= 1_200


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        near = {(page.parent / link.partition("#")[0]).resolve() for link in links(page)}
        waiting += [other for other in near if other in PAGES and other not in reached]
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} <= reached


def test_decisions_are_numbered_and_listed_with_all_their_parts():
    folder = ROOT / "docs" / "decisions"
    pages = sorted(page for page in PAGES if page.parent == folder and page.name != "README.md")
    assert len(pages) >= 10
    assert [int(page.name[:2]) for page in pages] == list(range(1, len(pages) + 1))
    assert {page.name for page in pages} <= set(links(folder / "README.md"))
    for page in pages:
        assert re.findall(r"^\*\*(\w+)\.\*\*", page.read_text(), re.M) == ["Context", "Decision", "Consequences"], page


def variables_read():
    """The environment variables that core/settings.py asks for, in a process where nothing else has asked."""
    script = "import json, core.settings; from core.config import env; print(json.dumps(sorted(env.NAMES)))"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


# Those of gunicorn and of `make run`.
ELSEWHERE = {"HOST", "PORT", "WEB_CONCURRENCY", "WEB_THREADS"}


def names_in(cells):
    return [name for cell in cells for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", cell)]


def test_every_setting_is_told_once_and_no_other():
    told = names_in(first_cells(prose(ROOT / "docs" / "settings.md")))
    assert len(told) == len(set(told))
    assert set(told) - ELSEWHERE == variables_read() - ELSEWHERE
    assert set(told) >= ELSEWHERE


def test_the_usual_settings_come_first():
    sections = (ROOT / "docs" / "settings.md").read_text().split("\n## ")
    assert len(names_in(first_cells(sections[1]))) == 10


@each_page
def test_settings_that_are_named_exist(page):
    """Names in capitals that begin as a setting does, such as READYZ_…; the changelog tells of past ones."""
    places = [
        "core/settings.py",
        ".ci/install.py",
        "docker/compose.yaml",
        "docker/entrypoint",
        "docker/gunicorn.conf.py",
    ]
    known = {*env.NAMES, *ELSEWHERE, *(code.value for code in (*Code, *errors.ErrorCode))}
    known |= set(re.findall(r"[A-Z][A-Z0-9_]+", "".join((ROOT / place).read_text() for place in places)))
    beginnings = {name.partition("_")[0] for name in env.NAMES if "_" in name}
    names = {
        name
        for span in code_spans(page)
        for name in re.findall(r"(?<![.\w:])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w…])", span)
        if name.partition("_")[0] in beginnings
    }
    assert page.name == "CHANGELOG.md" or names - known == set()


def compose_variables():
    """Those that are no settings: compose only hands these on."""
    return set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker" / "compose.yaml").read_text())) - env.NAMES


def test_the_composed_systems_variables_are_told():
    page = (ROOT / "docs" / "deploy.md").read_text()
    section = page.partition("\n## Variables of the composed system\n")[2].partition("\n## ")[0]
    assert set(names_in(first_cells(section))) == compose_variables()


def test_every_command_of_ours_is_told():
    told = " ".join(first_cells((ROOT / "docs" / "operate.md").read_text()))
    assert {name for name in commands_of_ours() if f"`{name}" not in told} == set()


def test_metrics_are_told_and_no_others():
    told = {cell.strip("`") for cell in first_cells((ROOT / "docs" / "operate.md").read_text())}
    told = {name for name in told if name.startswith("vitrine_")}
    counted = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in REGISTRY.collect()
        if family.name.startswith("vitrine_")
    }
    gauges = {name if name.startswith("vitrine_") else f"vitrine_{name}" for name in _gauges}
    assert told == counted | gauges | {"vitrine_gauge_failed"}


def test_every_check_of_readyz_is_told():
    section = (ROOT / "docs" / "operate.md").read_text().partition("\n## Redis is down")[0]
    assert {cell.strip("`") for cell in first_cells(section)} - {"check"} == set(CHECKS)


def test_every_error_code_is_told():
    section = (ROOT / "docs" / "graphql.md").read_text().partition("\n### Error codes\n")[2].partition("\n## ")[0]
    told = {name for cell in first_cells(section) for name in re.findall(r"`([A-Z_]+)`", cell)}
    assert told == {code.value for code in (*Code, *errors.ErrorCode)}


# A library's own README may show documents of another schema.
@pytest.mark.parametrize("page", [page for page in PAGES if not page.is_relative_to(ROOT / "core")], ids=name_of)
def test_graphql_that_is_shown_is_valid(page):
    for block in blocks(page):
        if "graphql" in block.info:
            assert graphql.validate(schema.graphql_schema, graphql.parse(block.text)) == [], block.text


@pytest.mark.parametrize("page", [page for page in PAGES if "```diff " in page.read_text()], ids=name_of)
def test_changes_that_are_shown_can_be_made(page):
    for block in blocks(page):
        if block.info[:1] == ("diff",):
            text = (ROOT / block.info[1]).read_text()
            before = "\n".join(line[1:].strip() for line in block.text.splitlines() if not line.startswith("+"))
            assert before in "\n".join(line.strip() for line in text.splitlines()), block.text


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version(path):
    uses = re.findall(r"uses: *(\S+)(.*)", path.read_text())
    assert uses or path.name == "none"
    for action, comment in uses:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


def test_publishing_needs_lint_tests_and_audit():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "image.yml").read_text())["jobs"]
    called = {jobs[name].get("uses", "") for name in jobs["publish"]["needs"]}
    assert {"./.github/workflows/ci.yml", "./.github/workflows/audit.yml"} <= called
    assert "build" in jobs["publish"]["needs"]
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert {"lint", "test", "database", "whole"} <= set(ci)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_pictures_are_small(name):
    for link in links(ROOT / name):
        if link.endswith(".png"):
            assert Path(ROOT / link).stat().st_size < 100_000
