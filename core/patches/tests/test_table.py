"""The tables of README.md: every private name of a library that the code uses stands there, and still exists."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PATCHES = ROOT / "core/patches"
APPS = ("core", "catalog", "cart", "users")
README = (PATCHES / "README.md").read_text()
NAMES = re.findall(r"`([a-zA-Z_][\w.]*:[\w.]+)`", README)
# These look private but are documented.
PUBLIC = {"_meta", "_state", "_replace", "_exit", "_default_manager"}


def test_every_private_name_is_in_the_table() -> None:
    listed = {name.rpartition(".")[2].rpartition(":")[2] for name in NAMES}
    missing = {name: sorted(files) for name, files in private_names().items() if name not in listed}
    assert not missing, f"Of which library are these? Write them down in core/patches/README.md: {missing}"


# The driver, which wants a compiler, is installed for these runs only.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.mysql) if ".mysql." in name else name for name in NAMES]
)
def test_the_name_exists(name: str) -> None:
    attribute = name.rpartition(".")[2]
    try:
        resolve_name(name)
    except AttributeError:
        # Set on instances only.
        assert re.search(rf"\bself\.{attribute}\b", inspect.getsource(resolve_name(name.removesuffix(f".{attribute}"))))


def test_every_patch_is_in_the_table() -> None:
    patches = {path.name for path in PATCHES.glob("*.py")} - {"__init__.py"}
    assert patches == set(re.findall(r"^\| `(\w+\.py)`", README, re.M))


def test_every_test_that_is_named_exists() -> None:
    existing = {path.name for app in APPS for path in (ROOT / app).rglob("test_*.py")}
    assert set(re.findall(r"\b(test_\w+\.py)`", README)) <= existing


def test_the_libraries_are_capped_and_upgraded_by_themselves() -> None:
    libraries = {name.lower().replace("_", "-") for name in re.findall(r"[|,] ([\w-]+) \d[\d.]+(?= \||,)", README)}
    lines = (ROOT / "requirements/base.in").read_text().splitlines()
    capped = {re.split(r"[\[<>=~]", line)[0] for line in lines if re.search("<|~=", line)}
    pip = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"][0]
    assert libraries == capped == set(pip["groups"]["others"]["exclude-patterns"])


def private_names() -> dict[str, set[str]]:
    """The private attributes that are read somewhere and defined nowhere: by name, the files that read them."""
    read: dict[str, set[str]] = {}
    ours = set(PUBLIC)
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Attribute(attr=name, ctx=ast.Load()) if re.fullmatch(r"_[a-z]\w*", name):
                    read.setdefault(name, set()).add(str(path.relative_to(ROOT)))
                case ast.Attribute(attr=name, ctx=ast.Store()):
                    ours.add(name)
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.Name(name, ast.Store()):
                    ours.add(name)
    return {name: files for name, files in read.items() if name not in ours}


def sources() -> Iterator[Path]:
    for app in APPS:
        yield from (path for path in (ROOT / app).rglob("*.py") if not {"tests", "patches"} & {*path.parts[-3:]})
