"""What caches may keep, OPTIONS, HEAD, preflights and security.txt."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from core.config.env import contacts
from core.tests.clients import Api

PRIVATE = "private, no-store"
SIGN_IN = 'mutation { tokenAuth(email: "a@example.com", password: "x") { token } }'


def vary(answer: Any) -> set[str]:
    """The headers that an answer varies by."""
    return {name.strip().lower() for name in answer["Vary"].split(",")}


def test_what_is_the_callers_own_is_kept_by_nobody(shopper: Api, nobody: Api) -> None:
    query = {"query": "{ me { id } }"}
    for answer in (
        shopper.post("{ me { id } }"),
        shopper.client.get("/graphql/", query, headers=shopper.headers),
        shopper.get("products/search/"),
        shopper.get("products/nothing/"),
        nobody.post(SIGN_IN),
        nobody.send("auth/token/", email="a@example.com", password="x"),
        nobody.get("products/search/"),
        nobody.get("nothing/"),
        nobody.client.get("/graphql/", {"query": "{"}, headers={"Accept": "application/graphql-response+json"}),
        nobody.client.get("/graphql/?query=%ff"),
        nobody.client.get("/api/v1/products/search/?q=%ff"),
        nobody.client.get("/graphql/", query, headers={"Authorization": "Bearer forged"}),
    ):
        assert answer["Cache-Control"] == PRIVATE
        assert {"accept", "authorization"} <= vary(answer)


@pytest.mark.parametrize("path", ["/api/v1/products/search/", "/graphql/?query={categories{name}}"])
def test_a_public_catalogue_is_asked_about_again_with_its_etag(nobody: Api, settings: Settings, path: str) -> None:
    settings.CATALOG_PUBLIC = True
    first = nobody.client.get(path)
    assert (first.status_code, first["Cache-Control"]) == (200, "public, no-cache")
    for known in (first["ETag"], f'"x", W/{first["ETag"]}', "*"):
        again = nobody.client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again["ETag"] == first["ETag"]
        assert "authorization" in vary(again)
        # A browser would put it in the place of the page's own.
        assert "Content-Security-Policy" not in again
    assert nobody.client.get(path, headers={"If-None-Match": '"x"'}).status_code == 200
    assert nobody.client.get(path, headers={"If-None-Match": "nonsense"}).status_code == 200


def test_media_pages_and_static_files_keep_their_own_headers(client: Client, db: None) -> None:
    assert "Cache-Control" not in client.get("/")
    assert "authorization" not in client.get("/").get("Vary", "").lower()


def test_head_is_a_get_without_a_body(shopper: Api) -> None:
    for path in ("/graphql/?query={me{id}}", "/graphql?query={me{id}}", "/api/v1/products/search/", "/api/schema/"):
        answer = shopper.client.head(path, headers=shopper.headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer["Content-Type"] == shopper.client.get(path, headers=shopper.headers)["Content-Type"]


def test_head_changes_nothing(nobody: Api) -> None:
    answer = nobody.client.head("/graphql/", QUERY_STRING=f"query={SIGN_IN}")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/graphql/", "GET, HEAD, OPTIONS, POST"),
        ("/graphql", "GET, HEAD, OPTIONS, POST"),
        ("/api/v1/products/search/", "GET, HEAD, OPTIONS"),
        ("/api/v1/products/nothing/images/", "OPTIONS, POST"),
        ("/api/v1/auth/token/", "OPTIONS, POST"),
        ("/api/schema/", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_is_204_with_allow(nobody: Api, staff: Api, path: str, allow: str) -> None:
    answer = nobody.client.options(path)
    assert (answer.status_code, answer.content, answer["Allow"]) == (204, b"", allow)
    refused = staff.client.generic("PROPFIND", path, headers={**staff.headers, "Accept": "*/*"})
    assert refused.status_code == 405
    assert refused.json()["errors"]
    assert set(refused["Allow"].split(", ")) <= set(allow.split(", "))


def test_options_of_no_path_is_404(nobody: Api) -> None:
    assert nobody.client.options("/api/v1/nothing/").status_code == 404


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/api/docs/", "/.well-known/security.txt"])
def test_every_405_says_what_is_allowed(client: Client, db: None, path: str) -> None:
    answer = client.delete(path)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")


def test_a_preflight_lets_through_what_clients_send(db: None, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example"]
    wanted = (
        "authorization, content-type, apollographql-client-name, apollographql-client-version, sentry-trace, baggage, "
        "traceparent, tracestate, idempotency-key, x-request-id, apollo-require-preflight, if-none-match"
    )
    for path in ("/graphql/", "/graphql", "/api/v1/products/search/"):
        answer = Client().options(
            path,
            headers={
                "Origin": "https://shop.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": wanted,
            },
        )
        assert answer.status_code == 200
        assert set(wanted.split(", ")) <= set(answer["Access-Control-Allow-Headers"].split(", "))
        assert int(answer["Access-Control-Max-Age"]) >= 3600


class TestSecurityTxt:
    """/.well-known/security.txt, RFC 9116."""

    PATH = "/.well-known/security.txt"

    def test_there_is_none_without_a_contact(self, client: Client, db: None) -> None:
        assert client.get(self.PATH).status_code == 404

    def test_it_names_the_contacts_and_expires_within_a_year(
        self, client: Client, db: None, settings: Settings
    ) -> None:
        settings.SECURITY_CONTACT = ["mailto:security@shop.example", "https://shop.example/security"]
        answer = client.get(self.PATH)
        assert answer["Content-Type"] == "text/plain; charset=utf-8"
        fields = [line.split(": ", 1) for line in answer.content.decode().splitlines()]
        assert [value for name, value in fields if name == "Contact"] == settings.SECURITY_CONTACT
        expires = datetime.fromisoformat(dict(fields)["Expires"])
        assert timedelta(days=30) < expires - datetime.now(UTC) < timedelta(days=365)

    def test_an_address_becomes_a_uri(self, monkeypatch: Any) -> None:
        monkeypatch.setenv("CONTACT", "security@shop.example, https://shop.example/security")
        assert contacts("CONTACT") == ["mailto:security@shop.example", "https://shop.example/security"]

    @pytest.mark.parametrize(
        "value", ["nonsense", "http://shop.example", "mailto:a b", "https://shop.example\nExpires: x"]
    )
    def test_anything_else_ends_the_start(self, monkeypatch: Any, value: str) -> None:
        monkeypatch.setenv("CONTACT", value)
        with pytest.raises(SystemExit):
            contacts("CONTACT")


class TestDraftStatuses:
    """GRAPHQL_STATUS=draft."""

    GRAPHQL = "application/graphql-response+json"

    @pytest.fixture(autouse=True)
    def _draft(self, settings: Settings) -> None:
        settings.GRAPHQL_STATUS = "draft"

    @pytest.mark.parametrize("accept", ["application/json", GRAPHQL])
    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"NONSENSE", 400),
            ({"qeury": "{__typename}"}, 422),
            ([], 422),
            ({"query": "query Q($i: Int) { __typename }", "variables": [7]}, 422),
            ({"query": "{"}, 400),
            ({"query": "{ nothing }"}, 422),
            ({"query": "query A { __typename } query B { __typename }"}, 422),
            ({"query": "query A { __typename }", "operationName": "B"}, 422),
            ({"query": "query($i: Int!) { products(first: $i) { totalCount } }", "variables": {"i": "x"}}, 422),
            ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}, 400),
        ],
    )
    def test_what_is_read_but_not_valid_is_422(self, nobody: Api, accept: str, body: Any, status: int) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = nobody.client.post("/graphql/", content, content_type="application/json", headers={"Accept": accept})
        assert answer.status_code == status
        assert answer["Content-Type"] == f"{self.GRAPHQL}; charset=utf-8"

    def test_data_with_errors_is_294(self, nobody: Api) -> None:
        nobody.headers = {"Accept": self.GRAPHQL}
        assert nobody.post("{ me { id } brands { totalCount } }").status_code == 294
        assert nobody.post("{ me { id } }").status_code == 200
        nobody.headers = {"Accept": "application/json"}
        assert nobody.post("{ me { id } brands { totalCount } }").status_code == 200

    def test_a_bad_token_is_401(self, nobody: Api) -> None:
        nobody.headers = {"Accept": self.GRAPHQL, "Authorization": "Bearer forged"}
        assert nobody.post("{ me { id } }").status_code == 401
