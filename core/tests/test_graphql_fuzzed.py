"""Whatever document and variables are drawn from the schema: an answer, or a refusal that says why; never our fault."""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

from core.graphql.errors import Code
from core.tests.test_openapi import token  # noqa: F401
from core.wsgi import application

schemathesis.graphql.scalar("Decimal", st.decimals().map(str).map(nodes.String))
schemathesis.graphql.scalar("DateTime", st.datetimes().map(lambda moment: f"{moment.isoformat()}Z").map(nodes.String))
schemathesis.graphql.scalar("Upload", st.text().map(nodes.String))
schema = schemathesis.graphql.from_wsgi("/graphql/", application)


@schema.parametrize()
@settings(
    max_examples=int(os.environ.get("FUZZED_EXAMPLES", "10")), deadline=None, suppress_health_check=list(HealthCheck)
)
@pytest.mark.django_db(transaction=True)
def test_no_document_breaks_it(case: schemathesis.Case, token: str) -> None:  # noqa: F811
    response = case.call(headers={"Authorization": token})
    assert response.status_code < 500
    errors = response.json().get("errors", [])
    assert all(error["extensions"]["code"] in set(Code) - {Code.INTERNAL_ERROR} for error in errors), errors
