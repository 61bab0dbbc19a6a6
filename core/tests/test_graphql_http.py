"""GraphQL over HTTP: what is no GraphQL request, and what becomes of an unexpected error."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from core.tests.clients import Api


def send(api: Api, body: Any, **options: Any) -> Any:
    """The response to a raw body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.client.post(
        "/graphql/", content, content_type=options.pop("content_type", "application/json"), **options
    )


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b"NaN",
        b'{"query": "{me{id}}", "variables": {"x": NaN}}',
        b"[" * 100_000,
        [],
        [{"query": "{me{id}}"}],
        "x",
        None,
        {},
        {"query": None},
        {"query": ""},
        {"query": 5},
        {"query": "{me{id}}", "variables": []},
        {"query": "{me{id}}", "variables": "x"},
        {"query": "{me{id}}", "operationName": 5},
        {"query": "query A {me{id}}", "operationName": "\ud800"},
        {"query": "{me{id}}", "extensions": "x"},
    ],
    ids=lambda body: str(body)[:40],
)
def test_what_is_no_request_is_400(nobody: Api, body: Any) -> None:
    response = send(nobody, body)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_other_methods_types_and_sizes(nobody: Api) -> None:
    assert nobody.client.put("/graphql/").status_code == 405
    assert nobody.client.put("/graphql/").headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert send(nobody, b"{me{id}}", content_type="text/plain").status_code == 415
    assert send(nobody, b'"' + b"a" * 3_000_000 + b'"').status_code == 413
    assert send(nobody, {"query": "{me{id}}"}, headers={"Accept": "image/png"}).status_code == 406


def test_get_serves_queries_only(nobody: Api) -> None:
    answer = nobody.client.get(
        "/graphql/", {"query": "query($a: Boolean!) {me @skip(if: $a) {id}}", "variables": '{"a": true}'}
    )
    assert answer.json()["data"] == {}
    refused = nobody.client.get("/graphql/", {"query": 'mutation {verifyToken(token: "x") {valid}}'})
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    assert nobody.client.get("/graphql", {"query": "{me{id}}", "variables": "{"}).status_code == 400


def test_the_media_type_is_negotiated(nobody: Api) -> None:
    new = {"Accept": "application/graphql-response+json"}
    answer = send(nobody, {"query": "{me{id}}"}, headers=new)
    assert answer.headers["Content-Type"] == "application/graphql-response+json; charset=utf-8"
    assert send(nobody, {"query": "{"}, headers=new).status_code == 400
    assert send(nobody, {"query": "{"}).status_code == 200


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{" * 3000, "GRAPHQL_PARSE_FAILED"),
        ("{nonsense}", "GRAPHQL_VALIDATION_FAILED"),
        ("{me}", "GRAPHQL_VALIDATION_FAILED"),
        ("query a {me{id}} query b {me{id}}", "GRAPHQL_VALIDATION_FAILED"),
        ("{...a} fragment a on Query {...a}", "GRAPHQL_VALIDATION_FAILED"),
        ("{brands {totalCount}}", "UNAUTHENTICATED"),
    ],
)
def test_every_error_has_its_code(nobody: Api, query: str, code: str) -> None:
    assert nobody.error(query)["code"] == code


def test_an_unexpected_error_shows_an_id_and_nothing_else(shopper: Api, settings: Settings, caplog: Any) -> None:
    settings.SEARCH_ENGINE = "none-such"
    answer = shopper.post("{ products { totalCount } }").json()
    error = answer["errors"][0]
    assert error["extensions"].keys() == {"code", "id"}
    assert error["extensions"]["code"] == "INTERNAL_ERROR"
    assert "none-such" not in json.dumps(answer)
    assert error["extensions"]["id"] in caplog.text
    assert "KeyError: 'none-such'" in caplog.text


def test_cors_is_for_the_origins_of_the_setting(nobody: Api, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example"]
    for path in ("/graphql/", "/api/v1/products/search/"):
        for origin, allowed in (("https://shop.example", True), ("https://evil.example", False)):
            headers = {
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization, content-type",
            }
            response = nobody.client.options(path, headers=headers)
            assert ("Access-Control-Allow-Origin" in response.headers) == allowed
            assert "Access-Control-Allow-Credentials" not in response.headers
