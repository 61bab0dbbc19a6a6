"""The REST API keeps what its OpenAPI document promises, whatever is sent to it."""

import jsonschema
import pytest
import schemathesis
from django.core.management import call_command
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
