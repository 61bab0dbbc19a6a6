"""The landing page, GraphiQL and Swagger: what they say, and that all they need comes from here."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from graphql import parse, validate

from core.http.pages import LINKS, favicon, shown_accounts
from core.schema import schema

STATIC = Path(__file__).resolve().parent.parent / "static"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
every_page = pytest.mark.parametrize("path", ["/", "/graphql/", "/api/docs/"])


class Page(HTMLParser):
    """A page taken apart: its tags with their attributes, and what stands inside script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps the tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keeps what a script or style element holds."""
        if self.tags and self.tags[-1][0] in {"script", "style"}:
            self.inline += data.strip()

    def values(self, *names: str) -> list[str]:
        """The values of the attributes of these names."""
        return [value for _, attributes in self.tags for name in names if (value := attributes.get(name))]


def get(path: str, accept: str = BROWSER) -> Page:
    response = Client().get(path, headers={"Accept": accept})
    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"
    return Page(response.content.decode())


def examples() -> list[tuple[str, dict[str, Any]]]:
    """The queries of examples.js with their variables."""
    text = (STATIC / "core" / "examples.js").read_text()
    pairs = re.findall(r"query: `([^`]+)`,(?:\s+variables: `([^`]+)`,)?", text)
    assert len(pairs) == text.count("query: `") >= 6
    return [(query, json.loads(variables or "{}")) for query, variables in pairs]


@every_page
def test_every_page_loads_nothing_from_elsewhere(path):
    for value in get(path).values("src", "href", "action", "data-endpoint", "data-schema"):
        assert value.startswith(("/", "#main")), value
        assert not value.startswith("//")


@every_page
def test_every_page_has_no_inline_script_style_or_handler(path):
    page = get(path)
    assert page.inline == ""
    names = {name for _, attributes in page.tags for name in attributes}
    assert not {name for name in names if name == "style" or name.startswith("on")}


@every_page
def test_every_page_has_all_its_static_files(path):
    files = [value for value in get(path).values("src", "href") if value.startswith("/static/")]
    assert len(files) >= 2
    assert all(finders.find(file.removeprefix("/static/")) for file in files)


@every_page
def test_every_page_says_its_language_title_and_width(path):
    tags = get(path).tags
    assert ("html", {"lang": "en"}) in tags
    assert {"title", "h1"} <= {tag for tag, _ in tags} or path == "/api/docs/"  # Swagger UI brings its own heading.
    assert any(attributes.get("name") == "viewport" for _, attributes in tags)


@every_page
def test_every_page_can_be_asked_for_but_not_written_to(path):
    assert Client().head(path, headers={"Accept": BROWSER}).status_code in {200, 405}
    assert Client().delete(path).status_code == 405


@every_page
def test_every_page_gives_demo_accounts_away_only_with_debug(path, settings):
    settings.DEBUG = True
    accounts = shown_accounts()
    text = Client().get(path, headers={"Accept": BROWSER}).content.decode()
    assert accounts.password in text
    assert accounts.shopper in text
    settings.DEBUG = False
    text = Client().get(path, headers={"Accept": BROWSER}).content.decode()
    assert accounts.password not in text
    assert accounts.shopper not in text
    assert accounts.staff not in text


def test_the_landing_page_has_every_link():
    assert {path for path, _, _ in LINKS} <= set(get("/").values("href"))


def test_the_landing_page_shows_a_query_for_this_very_host():
    text = Client().get("/", headers={"Host": "shop.example:8765"}).content.decode()
    assert "curl -s http://shop.example:8765/graphql/ -H" in text
    assert "http://shop.example:8765/api/v1/products/search/?q=lamp" in text


def test_the_icon_is_found(rf):
    assert favicon(rf.get("/favicon.ico"))["Location"] == "/static/core/favicon.svg"


def test_graphiql_is_for_browsers_and_caches_know_it():
    response = Client().get("/graphql/", headers={"Accept": BROWSER})
    assert "Accept" in response["Vary"]
    assert (
        Client().get("/graphql/", headers={"Accept": "application/json"})["Content-Type"] != "text/html; charset=utf-8"
    )


def test_swagger_says_where_the_cart_lives_and_how_to_get_a_token():
    text = Client().get("/api/docs/").content.decode()
    assert "The cart lives in GraphQL only" in text
    assert "POST /api/v1/auth/token/" in text


@pytest.mark.parametrize("example", examples(), ids=lambda example: example[0].partition("(")[0].split()[-1])
def test_the_schema_knows_every_example(example):
    assert validate(schema.graphql_schema, parse(example[0])) == []


def test_every_example_is_answered_from_the_demo_catalogue(shopper):
    call_command("seed_demo", verbosity=0)
    for query, variables in examples():
        data = shopper.graphql(query, **variables)
        assert data
        assert data.get("product", True) is not None
        assert data.get("products", {"nodes": 1, "edges": 1}).keys() & {"nodes", "edges"}


def test_the_first_query_of_the_landing_page_is_answered(shopper):
    call_command("seed_demo", verbosity=0)
    text = (STATIC.parent / "templates" / "core" / "first_query.txt").read_text()
    query = json.loads(re.findall(r"\{\n.*?\n\}", text, re.DOTALL)[-1])["query"]
    assert len(shopper.graphql(query)["products"]["nodes"]) == 3


def test_our_own_and_vendored_files_survive_collectstatic():
    for file in STATIC.rglob("*.*s"):
        text = file.read_text()
        assert "sourceMappingURL" not in text, file
        assert not re.search(r"\beval\(|new Function\(", text), file
        assert not re.search(r"url\((?!data:)|@import", text) or file.suffix != ".css", file
    assert {"LICENSE.graphiql.txt", "LICENSE.react.txt", "README.md"} <= {
        file.name for file in (STATIC / "graphiql").iterdir()
    }
