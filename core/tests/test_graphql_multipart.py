"""The GraphQL multipart request specification: what keeps to it works, what does not is a clear 400."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from pytest_django import Settings

from core.graphql.multipart import MAX_FILES
from core.tests.clients import Api

pytestmark = pytest.mark.django_db

QUERY = """mutation($input: ProductImageUploadInput!) { productImageUpload(input: $input) {
    image { id } errors { code } } }"""
OPERATIONS = {"query": QUERY, "variables": {"input": {"productId": "x", "image": None}}}
MAP = {"0": ["variables.input.image"]}


def file(data: bytes = b"x") -> SimpleUploadedFile:
    return SimpleUploadedFile("a.jpg", data)


def send(api: Api, *, headers: dict[str, str] | None = None, **form: Any) -> HttpResponse:
    """The response to a form; `operations` and `map` are made JSON unless they are text already."""
    form = {"operations": OPERATIONS, "map": MAP, "0": file(), **form}
    form = {
        name: json.dumps(value) if isinstance(value, dict | list) and name in ("operations", "map") else value
        for name, value in form.items()
        if value is not None
    }
    return api.client.post("/graphql/", form, headers=api.headers if headers is None else headers)


def test_a_file_reaches_the_mutation(staff: Api) -> None:
    answer = send(staff).json()
    assert answer["data"] == {"productImageUpload": {"image": None, "errors": [{"code": "NOT_FOUND"}]}}


def test_as_apollo_sends_it(staff: Api) -> None:
    """apollo-upload-client: operationName, extensions, and the map's keys count from 1."""
    operations = {**OPERATIONS, "operationName": None, "extensions": {}}
    answer = send(staff, operations=operations, map={"1": ["variables.input.image"]}, **{"0": None, "1": file()}).json()
    assert answer["data"]["productImageUpload"]["errors"] == [{"code": "NOT_FOUND"}]


def test_without_files_it_is_a_query_like_any_other(staff: Api) -> None:
    answer = send(staff, operations={"query": "{ __typename }"}, map={}, **{"0": None})
    assert answer.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize("name", ["Authorization", "Apollo-Require-Preflight", "X-Requested-With"])
def test_one_header_that_a_form_cannot_send(nobody: Api, name: str) -> None:
    response = send(nobody, headers={name: "x"})
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    response = send(nobody, headers={})
    assert response.status_code == 400
    assert name in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "form",
    [
        {"operations": None},
        {"map": None},
        {"operations": "{"},
        {"operations": ""},
        {"operations": '"x"'},
        {"operations": "[" * 100_000},
        {"operations": [OPERATIONS]},
        {"operations": {"query": QUERY}},
        {"operations": {"query": QUERY, "variables": "x"}},
        {"operations": {"query": QUERY, "variables": {"input": {"productId": "x"}}}},
        {"operations": {"query": QUERY, "variables": {"input": {"productId": "x", "image": "taken"}}}},
        {"operations": {"query": QUERY, "variables": {"input": {"productId": None, "image": None}}}},
        {"operations": {"query": QUERY, "variables": None}},
        {"operations": {"query": None, "variables": {"input": {"image": None}}}},
        {"operations": ["x", "y"]},
        {"map": "{"},
        {"map": "null"},
        {"map": "[]"},
        {"map": '"0"'},
        {"map": {}},
        {"map": {"0": []}},
        {"map": {"0": "variables.input.image"}},
        {"map": {"0": [None]}},
        {"map": {"0": [["variables", "input", "image"]]}},
        {"map": {"0": ["variables.input.image", "variables.input.image"]}},
        {"map": {"0": ["variables.input.images"]}},
        {"map": {"0": ["variables.input.image.0"]}},
        {"map": {"0": ["variables.input"]}},
        {"map": {"0": ["variables"]}},
        {"map": {"0": ["query"]}},
        {"map": {"0": [""]}},
        {"map": {"0": ["variables." * 1000]}},
        {"map": {"0": ["__class__.x"]}},
        {"map": {"0": ["variables.input.image"] * (MAX_FILES + 1)}},
        {"map": {"0": ["variables.input.image"], "1": ["variables.x"]}},
        {"map": {"1": ["variables.input.image"]}},
        {"0": None},
        {"0": "text, not a file"},
        {"0": [file(), file()]},
        {"1": file()},
        {"operations": [json.dumps(OPERATIONS), json.dumps(OPERATIONS)]},
    ],
    ids=lambda form: str(form)[:60],
)
def test_what_is_broken_is_a_400(staff: Api, form: dict[str, Any]) -> None:
    if form == {"operations": [json.dumps(OPERATIONS)] * 2}:
        response = staff.client.post("/graphql/", {**form, "map": json.dumps(MAP), "0": file()}, headers=staff.headers)
    else:
        response = send(staff, **form)
    assert response.status_code == 400, response.content
    error = response.json()["errors"][0]
    assert error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("value", ["text", 1, True, {"a": 1}, ["x"]])
def test_a_literal_for_an_upload_is_a_400(staff: Api, value: Any) -> None:
    response = staff.post(QUERY, input={"productId": "x", "image": value})
    assert response.status_code == 400
    assert "multipart" in response.json()["errors"][0]["message"]
    literal = json.dumps(value) if not isinstance(value, dict) else "{a: 1}"
    document = QUERY.replace("($input: ProductImageUploadInput!)", "").replace("$input", '{productId: "x", image: %s}')
    response = staff.post(document % literal)
    assert response.status_code == 400
    assert "multipart" in response.json()["errors"][0]["message"]


def test_a_body_that_is_no_form(staff: Api) -> None:
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary=é"):
        response = staff.client.post("/graphql/", b"garbage", content_type=content_type, headers=staff.headers)
        assert response.status_code == 400
        assert response.json()["errors"]


def test_too_many_files(staff: Api) -> None:
    form = {str(n): file() for n in range(150)}
    assert send(staff, **form).status_code == 400


def test_a_body_far_too_large(staff: Api, settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    assert send(staff, **{"0": file(bytes(10_000))}).status_code == 413
    answer = send(staff, **{"0": file(bytes(2_000))}).json()
    assert answer["data"]["productImageUpload"]["errors"] == [{"code": "NOT_FOUND"}]
