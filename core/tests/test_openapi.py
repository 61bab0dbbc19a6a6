"""The REST API keeps what its OpenAPI document promises, whatever is sent to it."""

from typing import Any, cast

import jsonschema
import pytest
import schemathesis
from django.core.management import call_command
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    status_code_conformance,
)

from core.tests.clients import Api
from core.tests.examples import examples
from core.wsgi import application
from users.tests.factories import UserFactory

schema = schemathesis.openapi.from_wsgi("/api/schema/", application)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, negative_data_rejection]


@pytest.fixture
def token(transactional_db: None) -> str:
    """A shopper's access token, with a catalogue to look at; committed, for the WSGI handler ends its connections."""
    call_command("seed_demo", verbosity=0)
    return Api(UserFactory()).headers["Authorization"]


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=examples(50), deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.django_db(transaction=True)
def test_no_input_breaks_the_promise(case: schemathesis.Case, token: str) -> None:
    response = case.call(headers={"Authorization": token})
    case.validate_response(response, checks=CHECKS)


@pytest.mark.parametrize(
    ("path", "component"),
    [
        ("products/search/?limit=100", "ProductPage"),
        ("products/search/?limit=0", "Error"),
        ("products/alva-arc-floor-lamp-in-brushed-brass/", "Product"),
        ("products/nothing/", "Error"),
    ],
)
def test_answers_have_the_shape_of_their_schema(token: str, nobody: Api, path: str, component: str) -> None:
    document = nobody.client.get("/api/schema/", headers={"Accept": "application/json"}).json()
    answer = nobody.client.get(f"/api/v1/{path}", headers={"Authorization": token}).json()
    jsonschema.validate(answer, {"$ref": f"#/components/schemas/{component}", "components": document["components"]})


@pytest.fixture
def document(nobody: Api) -> dict[str, Any]:
    """The OpenAPI document, asked of another host than SITE_URL's."""
    answer = nobody.client.get("/api/schema/", headers={"Accept": "application/json", "Host": "shop.example:8765"})
    return cast(dict[str, Any], answer.json())


def test_the_document_is_valid_and_names_its_host(document: dict[str, Any]) -> None:
    validate_schema(document)
    assert [server["url"] for server in document["servers"]] == ["http://shop.example:8765"]
    assert document["info"]["version"] == "1.0.0"
    assert "The cart lives in GraphQL only" in document["info"]["description"]


def test_everything_is_described_and_no_operation_forgets_429(document: dict[str, Any]) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) >= 7
    for operation in operations:
        assert operation["summary"]
        assert operation["description"], operation["operationId"]
        assert operation["responses"]["429"]["headers"].keys() == {"Retry-After"}
        assert operation.get("security") is None or "401" in operation["responses"]
        for part in (*operation.get("parameters", []), *operation["responses"].values()):
            assert part["description"], (operation["operationId"], part)
    for name, component in document["components"]["schemas"].items():
        assert component["description"], name
        for field, value in component.get("properties", {}).items():
            assert value.get("description") or "$ref" in value, (name, field)


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "parameters", "media_type"),
    [
        ("", {}, "application/vnd.oai.openapi"),
        ("*/*", {}, "application/vnd.oai.openapi"),
        ("application/json, text/plain, */*", {}, "application/json"),
        ("application/vnd.oai.openapi+json", {}, "application/vnd.oai.openapi+json"),
        ("application/openapi+json", {}, "application/openapi+json"),
        ("application/yaml, application/json;q=0.9", {}, "application/yaml"),
        ("text/yaml", {}, "text/yaml"),
        (BROWSER, {}, "text/html"),
        (BROWSER, {"format": "json"}, "application/json"),
        (BROWSER, {"format": "yaml"}, "application/vnd.oai.openapi"),
        ("application/json", {"format": "yaml"}, "application/vnd.oai.openapi"),
    ],
)
def test_a_browser_gets_a_page_and_a_client_what_it_accepts(
    nobody: Api, accept: str, parameters: dict[str, str], media_type: str
) -> None:
    answer = nobody.client.get("/api/schema/", parameters, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer["Content-Type"].partition(";")[0] == media_type
    assert "Accept" in answer["Vary"]
    text = answer.content.decode()
    begins = "<!doctype html>" if media_type == "text/html" else "{" if "json" in media_type else "openapi: 3.1.0\n"
    assert text.startswith(begins)


def test_a_client_that_accepts_none_of_these_is_told_which_there_are(nobody: Api) -> None:
    answer = nobody.client.get("/api/schema/", headers={"Accept": "image/png"})
    assert (answer.status_code, answer["Content-Type"]) == (406, "application/json")
    assert "application/yaml" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(("method", "path"), [("GET", "nothing"), ("POST", "auth/token"), ("DELETE", "x/y/")])
def test_an_unknown_path_has_the_one_error_shape(nobody: Api, method: str, path: str) -> None:
    response = nobody.client.generic(method, f"/api/v1/{path}")
    assert response.status_code == 404
    assert response.json()["errors"][0]["code"] == "not_found"


def test_a_body_too_large_or_too_deep_is_refused(nobody: Api) -> None:
    post = nobody.client.post
    large = post("/api/v1/auth/token/", b'"' + b"a" * 3_000_000 + b'"', content_type="application/json")
    assert (large.status_code, large.json()["errors"][0]["code"]) == (413, "too_large")
    deep = post("/api/v1/auth/token/", b"[" * 500_000, content_type="application/json")
    assert (deep.status_code, deep.json()["errors"][0]["code"]) == (400, "parse_error")
