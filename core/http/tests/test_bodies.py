"""Bodies: what is JSON, and what is refused unread; the same for GraphQL and REST."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.http.bodies import NotJSON, read_json
from core.tests.clients import Api

SIGN_IN = {"email": "ann@example.com", "password": "x"}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"nonsense",
        b"NaN",
        b'{"a": Infinity}',
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'"\\udfff x"',
        b'{"\\udc00": 1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'"a\x00b"',
        b"01",
        b'{"a": 1} x',
        "{}".encode("utf-16"),
    ],
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(NotJSON):
        read_json(text)


@pytest.mark.parametrize("value", [None, 1.5, "ü😀", {"a": [1, {"b": True}]}, "a\x00b", 2**63])
def test_what_is_json_is_read(value: Any) -> None:
    assert read_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": {"b": ["x", "\ud800"]}}, ("a", "b", "1")),
        ({"a": 1, "b": "\udfffx"}, ("b",)),
        ("\ud800", ()),
        ({"a": {"\ud800": "\ud800"}}, ("a",)),
        ({"a" * 1000: "\ud800"}, ("a" * 50,)),
    ],
)
def test_a_lone_surrogate_is_found(value: Any, path: tuple[str, ...]) -> None:
    with pytest.raises(NotJSON) as refused:
        read_json(json.dumps(value).encode())
    assert refused.value.path == path


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{ me { id } } # \ud800"},
        {"query": "{ me { id } }", "operationName": "\ud800"},
        {"query": "query($s: String) { products(search: $s) { totalCount } }", "variables": {"s": "\ud800"}},
        {"query": "{ me { id } }", "variables": {"unused": ["\udfff"]}},
        {"query": "{ me { id } }", "variables": {"\udfff": 1}},
        {"query": "{ me { id } }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "\ud800" * 64}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "\ud800" * 64}}},
        {"query": "{ me { id } }", "\ud800": 1},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_lone_surrogates_are_refused_by_graphql_wherever_they_are(shopper: Api, body: Any) -> None:
    answer = shopper.client.post(
        "/graphql/", json.dumps(body), content_type="application/json", headers=shopper.headers
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_the_field_of_a_lone_surrogate_is_named(shopper: Api, nobody: Api) -> None:
    document = "query($filter: ProductFilter) { products(filter: $filter) { totalCount } }"
    assert shopper.error(document, filter={"category": ["a", "\ud800"]})["field"] == "filter.category.1"
    answer = nobody.send("auth/token/", email="a@example.com", password="\ud800")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "password")


@pytest.mark.parametrize("name", ["operations", "map"])
def test_lone_surrogates_are_refused_in_forms(shopper: Api, name: str) -> None:
    fields = {"operations": '{"query": "{ me { id } }", "variables": {"f": null}}', "map": '{"f": ["variables.f"]}'}
    fields[name] = '{"\\ud800": ["variables.\\ud800"]}'
    form = {**fields, "f": SimpleUploadedFile("x", b"x")}
    answer = shopper.client.post("/graphql/", form, headers=shopper.headers)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize("name", ["variables", "extensions"])
def test_lone_surrogates_are_refused_in_parameters(nobody: Api, name: str) -> None:
    answer = nobody.client.get("/graphql/", {"query": "{ me { id } }", name: '{"a": "\\ud800"}'})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")


def both(api: Api, content_type: str = "application/json", **options: Any) -> list[Any]:
    """The answers of GraphQL and REST to bodies that they would take."""
    bodies = {"/graphql/": {"query": "{ me { id } }"}, "/api/v1/auth/token/": SIGN_IN}
    return [
        api.client.generic("POST", path, json.dumps(body), content_type=content_type, **options)
        for path, body in bodies.items()
    ]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "application/json; charset=UTF-8",
        'application/json;charset="utf-8"',
        "APPLICATION/JSON; Charset=utf8",
        "application/json; charset=us-ascii",
        "application/json; profile=x",
    ],
)
def test_parameters_of_the_content_type_do_not_matter(nobody: Api, content_type: str) -> None:
    graphql, rest = both(nobody, content_type)
    assert (graphql.status_code, rest.status_code) == (200, 401)


@pytest.mark.parametrize(
    "charset", ["utf-16", "latin-1", "hex", "rot13", "idna", "undefined", "nonsense", "\xff", "x" * 500]
)
def test_another_charset_is_415_with_words(nobody: Api, charset: str) -> None:
    for answer in both(nobody, f"application/json; charset={charset}"):
        assert answer.status_code == 415
        assert "UTF-8" in answer.content.decode()


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP, deflate", "zstd", "nonsense"])
def test_a_compressed_body_is_415_with_words(nobody: Api, encoding: str) -> None:
    for answer in both(nobody, headers={"Content-Encoding": encoding}):
        assert answer.status_code == 415
        assert "Content-Encoding" in answer.content.decode()
        assert answer["Accept-Encoding"] == "identity"
    assert all(answer.status_code in (200, 401) for answer in both(nobody, headers={"Content-Encoding": "identity"}))


@pytest.mark.parametrize("path", ["/graphql/", "/api/v1/auth/token/"])
def test_a_body_without_a_length_is_411(nobody: Api, path: str) -> None:
    answer = nobody.client.generic(
        "POST", path, content_type="application/json", headers={"Transfer-Encoding": "chunked"}
    )
    assert answer.status_code == 411
    assert answer.json()["errors"]
