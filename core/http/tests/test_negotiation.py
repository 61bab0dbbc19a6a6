"""Which media type an Accept header gets."""

import pytest

from core.http.negotiation import preferred_type
from core.tests.clients import Api

JSON, GRAPHQL, PAGE = "application/json", "application/graphql-response+json", "text/html"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json; charset=utf-8", JSON),
        ("application/json;charset=UTF-8;q=0.9", JSON),
        ('Application/JSON; charset="utf-8"', JSON),
        ("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", GRAPHQL),
        ("application/json, application/graphql-response+json", JSON),
        ("application/json;q=0.5, application/graphql-response+json;q=0.4", JSON),
        ("application/json;q=0.5, application/graphql-response+json", GRAPHQL),
        ("application/json;q=0, */*", GRAPHQL),
        ("*/*;q=0.1, application/graphql-response+json", GRAPHQL),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", PAGE),
        ("image/png, text/plain", None),
        ("application/json;q=0", None),
        ("application/json;q=nonsense", JSON),
        ("application/json;q=1.5", JSON),
        ('text/plain; x=",", application/json', JSON),
        ('image/png; x=", application/json', None),
        ("application/json; a*=nonsense''x", JSON),
        (";;;,,,", JSON),
        ("nonsense", JSON),
        ("nonsense, image/png", None),
        ("\xff/\xff", None),
    ],
)
def test_the_best_that_is_offered_is_taken(accept: str, chosen: str | None) -> None:
    assert preferred_type(accept, [JSON, GRAPHQL, PAGE]) == chosen


@pytest.mark.parametrize(
    "accept", ["application/json; charset=utf-8", "*/*;q=0.1", "application/json; a*=x''x", "nonsense"]
)
def test_both_apis_read_the_header_the_same_way(shopper: Api, accept: str) -> None:
    shopper.headers["Accept"] = accept
    assert shopper.post("{ me { id } }").status_code == 200
    assert shopper.get("products/search/").status_code == 200
    shopper.headers["Accept"] = "image/png"
    assert shopper.post("{ me { id } }").status_code == 406
    assert shopper.get("products/search/").status_code == 406


@pytest.mark.parametrize(
    ("query", "accept", "media_type"),
    [
        ("?format=json", "*/*", "application/json"),
        ("?format=json", "application/vnd.oai.openapi", "application/json"),
        ("?format=yaml", "application/json", "application/vnd.oai.openapi"),
        ("", "application/json", "application/json"),
        ("", "*/*", "application/vnd.oai.openapi"),
    ],
)
def test_the_openapi_document_has_the_format_that_is_asked_for(
    nobody: Api, query: str, accept: str, media_type: str
) -> None:
    answer = nobody.client.get(f"/api/schema/{query}", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer["Content-Type"].partition(";")[0] == media_type


@pytest.mark.parametrize("query", ["format=xml", "format=json%00", "format="])
def test_any_other_format_is_refused(nobody: Api, query: str) -> None:
    answer = nobody.client.get(f"/api/schema/?{query}", headers={"Accept": "*/*"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == "format"


@pytest.mark.parametrize("query", ["version=a%0D%0AX: y", "lang=%00", "lang=../../etc"])
def test_parameters_of_the_generator_are_not_taken(nobody: Api, query: str) -> None:
    assert nobody.client.get(f"/api/schema/?{query}").status_code == 200
