"""The landing page, GraphiQL and Swagger: what they say, and that all they need comes from here."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from graphql import parse, validate

from catalog.images.tests.pictures import jpeg
from core.http.pages import LINKS, favicon, shown_accounts
from core.schema import schema
from core.tests.clients import Api

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

    def values(self, *names: str, links: bool = True) -> list[str]:
        """The values of the attributes of these names, without `links` those of all tags but <a>."""
        tags = [attributes for tag, attributes in self.tags if links or tag != "a"]
        return [value for attributes in tags for name in names if (value := attributes.get(name))]


def get(path: str, accept: str = BROWSER) -> Page:
    response = Client().get(path, headers={"Accept": accept})
    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"
    return Page(response.content.decode())


def landing(host: str = "localhost") -> str:
    return Client().get("/", headers={"Host": host}).content.decode()


def examples() -> list[tuple[str, dict[str, Any]]]:
    """The queries of examples.js with their variables."""
    text = (STATIC / "core" / "examples.js").read_text()
    pairs = re.findall(r"query: `([^`]+)`,(?:\s+variables: `([^`]+)`,)?", text)
    assert len(pairs) == text.count("query: `") >= 6
    return [(query, json.loads(variables or "{}")) for query, variables in pairs]


def operation(example: tuple[str, dict[str, Any]]) -> str:
    """The name of an example's operation."""
    return re.findall(r"^(?:query|mutation) (\w+)", example[0], re.MULTILINE)[0]


def answer_of(api: Api, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """The data of an answer; where the document wants a file, it is sent as GraphiQL sends it."""
    if "Upload!" not in query:
        return api.graphql(query, **variables)
    form = {
        "operations": json.dumps({"query": query, "variables": {**variables, "image": None}}),
        "map": json.dumps({"0": ["variables.image"]}),
        "0": SimpleUploadedFile("lamp.jpg", jpeg()),
    }
    return api.client.post("/graphql/", form, headers=api.headers).json()["data"]


@every_page
def test_every_page_loads_nothing_from_elsewhere(path):
    for value in get(path).values("src", "href", "action", "data-endpoint", "data-schema", links=False):
        assert value.startswith("/"), value
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
    assert "http://shop.example:8765/api/v1/products/search/?ordering=price" in text


def test_the_landing_page_leads_with_the_storefront_and_in_production_with_the_shop(settings):
    settings.DEBUG, settings.STOREFRONT_URL = True, "http://localhost:5173"
    assert "<code>make storefront</code>" in landing("127.0.0.1:8000")
    assert "make storefront VITE_VITRINE_URL=http://127.0.0.1:8765" in landing("127.0.0.1:8765")
    assert 'href="http://localhost:5173"' in landing()
    settings.DEBUG, settings.STOREFRONT_URL, settings.SHOP_NAME = False, "https://lux.example", "Lux & Co"
    text = landing()
    assert text.index('href="https://lux.example"') < text.index('href="/graphql/"', text.index("<main"))
    assert "<h1>Lux &amp; Co</h1>" in text
    assert not re.search(r"make (run|storefront)|localhost|DEBUG", text.replace("http://localhost/", ""))


def test_the_landing_page_says_whether_the_catalogue_wants_a_token(settings):
    settings.DEBUG = True
    settings.CATALOG_PUBLIC = settings.GUEST_CARTS = True
    text = landing()
    assert "make run CATALOG_PUBLIC=0" in text
    assert "a cart needs no account" in text
    assert "TOKEN" not in text
    settings.CATALOG_PUBLIC = settings.GUEST_CARTS = False
    assert "Bearer $TOKEN" in landing()
    assert "wants a token, as in production" in landing()


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


@pytest.mark.parametrize("example", examples(), ids=operation)
def test_the_schema_knows_every_example(example):
    assert validate(schema.graphql_schema, parse(example[0])) == []


def test_every_example_does_what_it_says_in_the_demo_shop(demo_shop, staff, settings):
    """In the menu's order, with what its comments tell a reader to fill in from the answers before."""
    settings.GUEST_CARTS = True
    lamp = staff.graphql('{ product(slug: "alva-arc-floor-lamp-in-brushed-brass") { id } }')["product"]["id"]
    password = "correct-horse-7"
    answers: dict[str, Any] = {}
    filled = {
        "AddToCart": lambda: {"input": {"lines": [{"productId": lamp, "quantity": 1}]}},
        "ChangeQuantities": lambda: {
            "input": {"lines": [{"lineId": answers["AddToCart"]["cart"]["lines"][0]["id"], "quantity": 2}]}
        },
        "Register": lambda: {"input": {"email": "ann@example.com", "password": password}},
        "SignIn": lambda: {"email": "ann@example.com", "password": password},
        "Refresh": lambda: {"refreshToken": answers["SignIn"]["refreshToken"]},
        "UploadPicture": lambda: {"productId": lamp, "alt": "A lamp"},
        "PictureStatus": lambda: {"id": answers["UploadPicture"]["image"]["id"]},
    }
    for query, variables in examples():
        name = operation((query, variables))
        data = answer_of(staff, query, {**variables, **filled.get(name, dict)()})
        assert all(value is not None for value in data.values()), (name, data)
        assert not any(value.get("errors") for value in data.values() if isinstance(value, dict)), (name, data)
        answers[name] = next(iter(data.values()))
    guest = Api()
    guest.headers = {"Authorization": f"Bearer {answers['GuestToken']['token']}"}
    queries = {operation(example): example[0] for example in examples()}
    added = guest.graphql(queries["AddToCart"], **filled["AddToCart"]())["cartLinesAdd"]
    assert (added["errors"], len(added["cart"]["lines"])) == ([], 1)
    assert guest.graphql(queries["MyCart"])["cart"]["totalQuantity"] == 1
    assert answers["Facets"]["facets"]["brands"][0]["selected"]
    assert answers["PictureStatus"]["status"] == "PENDING"


def test_what_graphiql_stores_has_no_secret(tmp_path):
    """Whatever the variable that holds it is called, and also while it is being typed."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    query = (
        'mutation ($p: String = "s3cret") {'
        ' a: tokenAuth(email: "a", password: $p) { token } b: verifyToken(token: "s3cret") { user { id } } }'
    )
    tab = {
        "query": query,
        "variables": '{"p": "s3cret", "input": {"newPassword": "s3cret, "email": "kept"}',
        "headers": "s3cret",
    }
    stored = [
        ["graphiql:query", query],
        ["graphiql:variables", '{"refreshToken": "s3cret'],
        ["graphiql:headers", "s3cret"],
        ["graphiql:tabState", json.dumps({"activeTabIndex": 0, "tabs": [tab]})],
        ["graphiql:queries", json.dumps({"queries": [tab]})],
    ]
    script = (
        "const area = {getItem: () => null}; globalThis.window = {localStorage: area, sessionStorage: area};"
        "globalThis.Vitrine = window.Vitrine = {};"
        f"{(STATIC / 'core' / 'storage.js').read_text()}"
        f"const kept = {json.dumps(stored)}.map(([key, value]) => Vitrine.storage.clean(key, value, ''));"
        "console.log(JSON.stringify(kept))"
    )
    (tmp_path / "run.js").write_text(script)
    kept = subprocess.run([node, tmp_path / "run.js"], capture_output=True, check=True, text=True).stdout  # noqa: S603
    assert "s3cret" not in kept
    assert kept.count("kept") == 2
    assert '"activeTabIndex":0' in json.loads(kept)[3]


@pytest.mark.parametrize(
    ("given", "said", "unsaid"),
    [
        ({}, ["for the accounts of this shop", "the explorer are for staff", "schema.graphql"], ["for a cart"]),
        ({"CATALOG_PUBLIC": True}, ["open to everybody", "the explorer are for staff"], ["for the accounts"]),
        ({"GRAPHQL_INTROSPECTION": True}, ["for the accounts of this shop"], ["are for staff", "schema.graphql"]),
        ({"GRAPHQL_TRUSTED_ONLY": True}, ["of its own storefront only", "also for staff"], ["sign-in is kept"]),
    ],
)
def test_graphiql_says_what_a_stranger_may_do(settings, given, said, unsaid):
    for name in ("CATALOG_PUBLIC", "GRAPHQL_INTROSPECTION", "GRAPHQL_TRUSTED_ONLY"):
        setattr(settings, name, given.get(name, False))
    text = Client().get("/graphql/", headers={"Accept": BROWSER}).content.decode()
    assert all(words in text for words in said)
    assert not any(words in text for words in unsaid)


def test_the_first_query_of_the_landing_page_is_answered(demo_shop, shopper):
    text = (STATIC.parent / "templates" / "core" / "first_query.txt").read_text()
    query = json.loads(re.findall(r"\{\n.*?\n\}", text, re.DOTALL)[-1])["query"]
    assert len(shopper.graphql(query)["products"]["nodes"]) == 3


def test_our_own_and_vendored_files_survive_collectstatic():
    for file in STATIC.rglob("*.*s"):
        text = file.read_text()
        assert "sourceMappingURL" not in text, file
        assert not re.search(r"\beval\(|new Function\(", text), file
        assert not re.search(r"url\((?!data:)|@import", text) or file.suffix != ".css", file
    assert {"LICENSE.graphiql.txt", "LICENSE.graphiql-explorer.txt", "LICENSE.react.txt", "README.md"} <= {
        file.name for file in (STATIC / "graphiql").iterdir()
    }
