"""Requests drawn from the schema: each is answered, or refused with a reason, never with a 500, in bounded size."""

import json
import os
from typing import Any

import pytest
import schemathesis
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

from catalog.tests.factories import ProductFactory
from core.auth import tokens
from core.graphql.errors import Code
from core.schema import schema as vitrine
from core.tests.examples import examples
from core.tests.fuzzing import requests
from core.tests.test_openapi import token  # noqa: F401
from core.wsgi import application
from users.tests.factories import UserFactory

schemathesis.graphql.scalar("Decimal", st.decimals().map(str).map(nodes.String))
schemathesis.graphql.scalar("DateTime", st.datetimes().map(lambda moment: f"{moment.isoformat()}Z").map(nodes.String))
schemathesis.graphql.scalar("Upload", st.text().map(nodes.String))
schema = schemathesis.graphql.from_wsgi("/graphql/", application)
EXAMPLES = int(os.environ.get("FUZZED_EXAMPLES", examples(10)))
CODES = set(Code) - {Code.INTERNAL_ERROR}
# Bounds of one answer: its bytes, its SQL statements, and its errors when it was refused.
MAX_BYTES, MAX_QUERIES, MAX_REFUSALS = 2_000_000, 500, 25


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.django_db(transaction=True)
def test_no_valid_document_fails(case: schemathesis.Case, token: str) -> None:  # noqa: F811
    response = case.call(headers={"Authorization": token})
    assert response.status_code < 500
    errors = response.json().get("errors", [])
    assert all(error["extensions"]["code"] in CODES for error in errors), errors


@pytest.fixture
def callers(db: None) -> list[dict[str, str]]:
    """The headers of a stranger, a shopper and an employee, in a shop with three products."""
    ProductFactory.create_batch(3)
    users = [UserFactory(), UserFactory(is_staff=True)]
    return [{}, *({"Authorization": f"Bearer {tokens.issue(user).token}"} for user in users)]


@pytest.mark.parametrize("execution", ["compiled", "standard"])
@settings(max_examples=EXAMPLES * 4, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=requests(vitrine.graphql_schema), who=st.integers(0, 2), by_get=st.booleans())
def test_no_request_fails(
    callers: list[dict[str, str]], execution: str, body: dict[str, Any], who: int, by_get: bool
) -> None:
    note(json.dumps(body))
    client = Client(raise_request_exception=False)
    with pytest.MonkeyPatch.context() as patch, CaptureQueriesContext(connection) as queries:
        patch.setattr("django.conf.settings.GRAPHQL_EXECUTION", execution)
        patch.setattr("django.conf.settings.CATALOG_PUBLIC", True)
        patch.setattr("django.conf.settings.GRAPHQL_INTROSPECTION", False)
        if by_get:
            parts = {key: value if key == "query" else json.dumps(value) for key, value in body.items()}
            parts["operationName"] = str(body.get("operationName") or "")
            parts = {key: value.encode("utf-8", "replace").decode() for key, value in parts.items()}
            response = client.get("/graphql/", parts, headers={**callers[who], "Accept": "application/json"})
        else:
            data = json.dumps(body)
            response = client.post("/graphql/", data, content_type="application/json", headers=callers[who])
    assert response.status_code < 500, response.content[:500]
    assert response.headers["Content-Type"].startswith("application/json")
    answer = response.json()
    errors = answer.get("errors", [])
    assert all(error["extensions"]["code"] in CODES for error in errors), errors
    assert all("Did you mean" not in error["message"] for error in errors if who < 2), errors
    assert all(
        error["extensions"]["field"]
        for error in errors
        if error["extensions"]["code"] == "BAD_USER_INPUT" and "locations" in error
    ), errors
    assert "data" in answer or 0 < len(errors) <= MAX_REFUSALS
    assert len(response.content) < MAX_BYTES
    assert len(queries) < MAX_QUERIES
