"""Answers that are given again are the same as if they were computed, and go to those whose they are."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from pytest_django import Settings

from catalog.models import Product
from core.auth import tokens
from core.tests.catalogue_queries import LAMPS, ONE, all_of, ask, forget, hash_of, hits, kept, lamp, send
from core.tests.clients import Api
from users.models import User
from users.tests.factories import UserFactory

__all__ = ["hits", "lamp"]
pytestmark = pytest.mark.usefixtures("lamp")

TWO = "query A { brands { totalCount } } query B { categories { slug } }"
YES = {"y": True}
KEPT: dict[str, Callable[[Api], HttpResponse]] = {
    "a page": lambda api: send(api, variables={"q": "lamp"}),
    "one product": lambda api: send(api, ONE),
    "fragments": lambda api: send(api, "{ ...F ... { shop { name } } } fragment F on Query { brands { totalCount } }"),
    "one of two operations": lambda api: send(api, TWO, operationName="B"),
    "the media type": lambda api: send(api, headers={"Accept": "application/graphql-response+json"}),
    "GET": lambda api: ask(api, query=LAMPS, variables={"q": "lamp"}),
    "GET in another order": lambda api: ask(api, variables={"q": "lamp"}, query=LAMPS),
    "HEAD": lambda api: ask(api, method="head", query=LAMPS),
    "skipped": lambda api: send(api, "query($y: Boolean!) { brands @skip(if: $y) { totalCount } }", variables=YES),
}  # fmt: skip
EXECUTED: dict[str, Callable[[Api], HttpResponse]] = {
    "the viewer": lambda api: send(api, "{ me { email } products { totalCount } }"),
    "in a fragment": lambda api: send(api, "{ shop { name } ...F } fragment F on Query { ... { cart { id } } }"),
    "skipped": lambda api: send(api, "query($y: Boolean!) { shop { name } me @skip(if: $y) { id } }", variables=YES),
    "a node": lambda api: send(api, '{ node(id: "UHJvZHVjdDox") { id } }'),
    "no field": lambda api: send(api, "{ __typename }"),
    "the schema": lambda api: send(api, "{ shop { name } __schema { queryType { name } } }"),
    "a mutation": lambda api: send(api, "mutation { cartClear { errors { code } } }"),
    "an error of a field": lambda api: send(api, "{ product { id } shop { name } }"),
    "a wrong variable": lambda api: send(api, variables={"q": 5}),
    "a document that is not valid": lambda api: send(api, "{ nonsense }"),
    "no JSON": lambda api: api.client.post("/graphql/", "{", content_type="application/json", headers=api.headers),
    "too dear": lambda api: send(api, "{ products(first: 100) { nodes { related(first: 100) { id } } } }"),
    "no operation of this name": lambda api: send(api, TWO, operationName="C"),
    "a registration": lambda api: send(api, extensions=hash_of(LAMPS)),
    "an unknown hash": lambda api: send(api, None, extensions=hash_of("{ shop { name } }")),
    "a mutation by GET": lambda api: ask(api, query="mutation { cartClear { errors { code } } }"),
    "another type": lambda api: send(api, headers={"Accept": "image/png"}),
}  # fmt: skip


class TestWhatIsKept:
    """Three times the same request, with answers kept and without."""

    @pytest.fixture(autouse=True)
    def _shop(self, settings: Settings) -> None:
        settings.CATALOG_PUBLIC = settings.GUEST_CARTS = True
        settings.GRAPHQL_INTROSPECTION = False
        settings.RATE_LIMIT_COST_USER = settings.RATE_LIMIT_COST_ADDRESS = (1_000_000, 60)

    def both_ways(self, api: Api, request: Callable[[Api], HttpResponse], settings: Settings) -> None:
        seen = []
        for granted in (10**7, 0):
            settings.GRAPHQL_ANSWERS_BYTES = granted
            forget()
            cache.clear()
            seen.append([all_of(request(api)) for _ in range(3)])
        assert seen[0] == seen[1]

    def test_a_catalogue_query_is_answered_as_if_it_were_executed(
        self, nobody: Api, shopper: Api, staff: Api, settings: Settings, hits: Callable[[], int]
    ) -> None:
        guest = Api(token=tokens.issue_for_guest().token)
        for name, request in KEPT.items():
            for api in (nobody, shopper) if name != "one product" else (nobody, guest, shopper, staff):
                self.both_ways(api, request, settings)
                # A stranger's document is kept when it comes for the second time, a member's at once.
                assert hits() == (2 if api in (shopper, staff) else 1), (name, api.headers)

    def test_all_else_is_executed_each_time(
        self, nobody: Api, shopper: Api, settings: Settings, hits: Callable[[], int]
    ) -> None:
        for request in EXECUTED.values():
            self.both_ways(shopper, request, settings)
        self.both_ways(Api(token="forged"), KEPT["a page"], settings)
        settings.CATALOG_PUBLIC = False
        self.both_ways(nobody, KEPT["a page"], settings)
        assert (hits(), len(kept)) == (0, 0)

    def test_a_file_is_no_key(self, staff: Api, settings: Settings, hits: Callable[[], int]) -> None:
        def upload(api: Api) -> HttpResponse:
            data = {"operations": json.dumps({"query": "{ shop { name } }"}), "map": "{}"}
            response: HttpResponse = api.client.post("/graphql/", data, headers=api.headers)
            return response

        self.both_ways(staff, upload, settings)
        assert hits() == 0


class TestWhoseItIs:
    """An answer is given to those who would get the same."""

    def test_a_closed_catalogue_stays_closed(self, shopper: Api, nobody: Api) -> None:
        assert shopper.graphql(ONE) == shopper.graphql(ONE)
        assert nobody.error(ONE)["code"] == "UNAUTHENTICATED"

    def test_staff_see_more_by_the_same_words(self, shopper: Api, staff: Api, lamp: Product) -> None:
        text = "query($id: ID!) { product(id: $id) { images { status } } }"
        lamp_id = b64encode(f"Product:{lamp.pk}".encode()).decode()
        for _ in range(3):
            assert len(shopper.graphql(text, id=lamp_id)["product"]["images"]) == 1
            assert len(staff.graphql(text, id=lamp_id)["product"]["images"]) == 2

    @pytest.mark.parametrize("change", [{"is_active": False}, {"token_generation": 5}])
    def test_a_token_that_ends_gets_nothing_more(self, change: dict[str, Any], settings: Settings) -> None:
        settings.CATALOG_PUBLIC = True
        user = UserFactory()
        api = Api(user)
        assert api.graphql(ONE) == api.graphql(ONE)
        User.objects.filter(pk=user.pk).update(**change)
        response = api.post(ONE)
        assert (response.status_code, response.json()["errors"][0]["extensions"]["reason"]) == (401, "REVOKED")

    def test_addresses_are_those_of_the_host_that_was_asked(self, shopper: Api, settings: Settings) -> None:
        settings.ALLOWED_HOSTS = ["one.example", "two.example"]
        body = json.dumps({"query": ONE})
        for _ in range(2):
            for host in settings.ALLOWED_HOSTS:
                for scheme in ("http", "https"):
                    response = shopper.client.post(
                        "/graphql/", body, content_type="application/json", secure=scheme == "https",
                        headers={**shopper.headers, "Host": host},
                    )  # fmt: skip
                    url = response.json()["data"]["product"]["image"]["url"]
                    assert url.startswith(f"{scheme}://{host}/"), url
