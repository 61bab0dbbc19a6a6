"""What a document may ask for: refused before any resolver runs, with the number allowed, and quickly."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from graphql import get_introspection_query
from pytest_django import Settings

from catalog.tests.factories import ProductFactory
from core.graphql import documents
from core.graphql.validation import prepare
from core.tests.clients import Api
from core.urls import graphql

kept = graphql.server.documents
FIELDS = "nodes { name category { name } brand { name } price { amount } }"


@pytest.mark.parametrize(
    ("query", "limit"),
    [
        ("{" + " ".join(f"a{n}: me {{ id }}" for n in range(20)) + "}", None),
        ("{" + " ".join(f"a{n}: me {{ id }}" for n in range(21)) + "}", "root fields"),
        ("{ me {" + " ".join(f"a{n}: email" for n in range(31)) + "} }", "aliases"),
        ("{ me {" + " ".join(f"a{n}: email" for n in range(6_000)) + "} }", "tokens"),
        ("{ categories { " + "children { " * 11 + "name" + " }" * 12 + "}", "depth"),
        ("{ categories { " + "children { " * 9 + "name" + " }" * 10 + "}", "cost"),
        ("{" + "a {" * 600 + "b" + "}" * 601, "depth"),
        ("{" + "a {" * 20_000 + "b" + "}" * 20_001, "depth"),
        ("{ me {" + " email" * 501 + "} }", "selections"),
        ("query(" + " ".join(f"$v{n}: Int" for n in range(51)) + ") { me { id } }", "variables"),
        ("{ me { id } }" + " ".join(f"fragment f{n} on User {{ id }}" for n in range(60)), "definitions"),
        ("{ me { email " + "@include(if: true) " * 60 + "} }", "directives"),
        ("{ me { email " + "@aa" * 10 + "} }", "directives at one place"),
        ("#" * 100_001 + "\n{ me { id } }", "bytes"),
        ("{ me { id } }" + " " * 1_000_000, "bytes"),
        ("#\n" * 4_000 + "{ me { id } }", "tokens"),
        ("#\n" * 20_000 + "{ me { id } }", "lines"),
        ("\r" * 90_000 + "{ x }", "lines"),
        ("query($x: [ID!]) { products(filter: {ids: $x}) { nodes { id } } } #" + "x" * 1_000_000, "bytes"),
        (f"{{ products(first: 100) {{ {FIELDS} }} }}", None),
        ("{" + "".join(f"p{n}: products(first: 100) {{ {FIELDS} }} " for n in range(14)) + "}", "cost"),
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }", None),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_limit_is_named_with_the_number_allowed(shopper: Api, query: str, limit: str | None) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = shopper.post(query).json()
    errors = answer.get("errors", [])
    if limit is None:
        assert not [error for error in errors if error["extensions"]["code"] == "LIMIT_EXCEEDED"], errors
        return
    assert len(errors) == 1
    extensions = errors[0]["extensions"]
    assert (extensions["code"], extensions["limit"]) == ("LIMIT_EXCEEDED", limit)
    assert str(extensions["allowed"]) in errors[0]["message"]
    assert "data" not in answer
    assert len(queries) <= 1


def test_fragments_are_written_out(shopper: Api) -> None:
    doubled = " ".join(f"fragment f{n} on User {{ ...f{n + 1} ...f{n + 1} }}" for n in range(40))
    query = "{ me { ...f0 } } " + doubled + " fragment f40 on User { a: email }"
    assert shopper.error(query)["limit"] == "aliases"
    circular = "{ me { ...a } } fragment a on User { id ...b } fragment b on User { ...a }"
    assert shopper.error(circular)["code"] == "GRAPHQL_VALIDATION_FAILED"
    nested = "".join(f"fragment f{n} on Category {{ children {{ ...f{n + 1} }} }} " for n in range(20))
    assert shopper.error("{ categories { ...f0 } } " + nested + "fragment f20 on Category { name }")["limit"] == "depth"
    costly = "".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }} " for n in range(40))
    assert shopper.error("{ ...f0 } " + costly + "fragment f40 on Query { me { id } }")["limit"] == "cost"


ONE = '{n}: tokenAuth(email: "a", password: "b") {{ token }} '


@pytest.mark.parametrize("wrap", [0, 1, 5, 20])
def test_root_fields_are_counted_wherever_they_stand(nobody: Api, wrap: int) -> None:
    fields = " ".join(f"a{n}: __typename" for n in range(21))
    within = "{ " + "... { " * wrap + fields + " }" * wrap + " }"
    assert nobody.error(within)["limit"] == "root fields"
    spread = "".join(f"fragment f{n} on Query {{ ...f{n + 1} }} " for n in range(wrap))
    assert nobody.error(f"{{ ...f0 }} {spread} fragment f{wrap} on Query {{ {fields} }}")["limit"] == "root fields"
    halves = [" ".join(f"a{n}: __typename" for n in numbers) for numbers in (range(11), range(11, 21))]
    two = f"{{ ...a ...b }} fragment a on Query {{ {halves[0]} }} fragment b on Query {{ {halves[1]} }}"
    assert nobody.error(two)["limit"] == "root fields"
    assert nobody.graphql(f"{{ ...a ...a }} fragment a on Query {{ {halves[0]} }}")


def test_selections_are_counted_as_the_executor_meets_them(nobody: Api) -> None:
    """A fragment counts at each place that spreads it; one that nobody uses is validated all the same."""
    card = "fragment f on Category { " + " ".join(["name slug id"] * 10) + " }"
    places = "{ categories { ...f " + "children { ...f " * 4 + "} " * 4 + "} }"
    assert nobody.post(f"{places} {card}").json()["errors"][0]["extensions"].get("limit") != "selections"
    many = " ".join(f"... on Query {{ categories {{ ...f id{' ' * n} }} }}" for n in range(20))
    assert nobody.error(f"{{ {many} }} {card}")["limit"] == "selections"
    doubled = "".join(
        f"fragment d{n} on Category {{ children {{ ...d{n + 1} }} parent {{ ...d{n + 1} }} }} " for n in range(9)
    )
    assert (
        nobody.error(f"{{ categories {{ ...d0 }} }} {doubled} fragment d9 on Category {{ id }}")["limit"]
        == "selections"
    )
    unused = "{ __typename } fragment u on Category { " + "name " * 501 + "}"
    assert nobody.error(unused)["limit"] == "selections"


@pytest.mark.parametrize("repeat", ["name", "name: name", "name @include(if: true)", "parent { name }", "... { name }"])
def test_what_is_repeated_word_for_word_is_validated_once(nobody: Api, repeat: str) -> None:
    document = prepare(kept.schema, "{ categories { " + f"{repeat} ,\n" * 15 + "} }")
    categories: Any = document.definitions[0].selection_set.selections[0]  # type: ignore[attr-defined]
    assert len(categories.selection_set.selections) == 1


def test_different_fields_of_one_name_at_one_place_are_few(nobody: Api) -> None:
    different = " ".join(f"url(size: {size} format: {n})" for n in range(40) for size in ("SMALL", "LARGE"))
    query = f"{{ products {{ nodes {{ images {{ {different} }} }} }} }}"
    assert nobody.error(query)["limit"] == "different fields of one name"


class TestCost:
    """An object costs 1, a leaf nothing; page sizes multiply."""

    def cost(self, api: Api, query: str, **variables: Any) -> int:
        return api.post(query, **variables).json()["extensions"]["cost"]["requested"]

    def test_it_is_in_every_answer(self, shopper: Api) -> None:
        assert shopper.post("{ me { id } }").json()["extensions"] == {"cost": {"requested": 1, "maximum": 5000}}

    def test_page_sizes_multiply(self, shopper: Api) -> None:
        one = "{ products(first: 1) { nodes { brand { name } } } }"
        assert self.cost(shopper, one) == 1 + 1 + 1 * (1 + 1)
        assert self.cost(shopper, one.replace("1)", "50)")) == 1 + 1 + 50 * (1 + 1)
        assert self.cost(shopper, "{ products { edges { node { name } } } }") == 1 + 1 + 20 * (1 + 1)
        assert self.cost(shopper, "{ products(last: 3) { totalCount nodes { id } } }") == 1 + 20 + 1 + 3

    def test_a_text_costs_what_it_takes(self, shopper: Api) -> None:
        assert self.cost(shopper, '{ products(search: "lamp") { nodes { id } } }') == 150 + 2 + 20
        assert self.cost(shopper, '{ products(search: "") { nodes { id } } }') == 2 + 20
        assert self.cost(shopper, "{ products(search: null) { nodes { id } } }") == 2 + 20
        query = "query($q: String) { products(search: $q) { nodes { id } } }"
        assert self.cost(shopper, query, q="lamp") == 150 + 2 + 20
        assert self.cost(shopper, query, q=None) == self.cost(shopper, query) == 2 + 20
        assert self.cost(shopper, query.replace("$q: String", '$q: String = "lamp"')) == 150 + 2 + 20
        in_fragment = "query($q: String) { ...S } fragment S on Query { products(search: $q) { nodes { id } } }"
        assert self.cost(shopper, in_fragment, q="lamp") == 150 + 2 + 20
        assert self.cost(shopper, '{ suggestions(query: "la") { slug } }') == 75 + 8
        assert self.cost(shopper, '{ brands(search: "la") { totalCount } }') == 5 + 1 + 2

    def test_aliases_do_not_make_a_text_cheaper(self, shopper: Api, settings: Settings) -> None:
        settings.GRAPHQL_MAX_ROOT_FIELDS = 100
        searches = " ".join(f"a{n}: products(search: $q, first: 1) {{ totalCount }}" for n in range(30))
        error = shopper.error(f"query($q: String) {{ {searches} }}", q="lamp")
        assert (error["code"], error["limit"]) == ("LIMIT_EXCEEDED", "cost")

    def test_a_shops_page_stays_far_below_the_limit(self, shopper: Api) -> None:
        query = """query($q: String) { products(search: $q, first: 20) { totalCount pageInfo { hasNextPage }
            facets { inStock categories { count category { slug } } brands { count brand { slug } }
                     price { min { amount } max { amount } ranges { count min { amount } } } ratings { count } }
            edges { highlight node { name slug brand { name } category { name path { name slug } }
                     price { amount currency } image { alt placeholder renditions { url width } } } } } }"""
        assert self.cost(shopper, query, q="lamp") < 5000 / 3

    def test_attributes_cost_as_one_object(self, shopper: Api) -> None:
        attributes = "attributes { text attribute { name } }"
        assert self.cost(shopper, f"{{ products {{ nodes {{ {attributes} }} }} }}") == 2 + 20 * (1 + 1)
        group = f"group {{ options {{ values attribute {{ name }} }} products {{ {attributes} }} }}"
        one = 1 + 1 + 1 + 1 + 10 * (1 + 1)
        assert self.cost(shopper, f"{{ products {{ nodes {{ {group} }} }} }}") == 2 + 20 * one

    def test_a_variable_says_the_size(self, shopper: Api) -> None:
        query = "query($n: Int = 7) { products(first: $n) { ...P } } fragment P on ProductConnection { nodes { id } }"
        assert self.cost(shopper, query) == 2 + 7
        assert self.cost(shopper, query, n=50) == 2 + 50
        assert self.cost(shopper, query, n=None) == 2 + 20
        error = shopper.error(query, n=2**31 - 1)
        assert (error["code"], error["field"]) == ("BAD_USER_INPUT", "first")
        assert shopper.error(query, n=1e308)["field"] == "first"

    @pytest.mark.parametrize(
        ("arguments", "variables", "size"),
        [
            ("first: $a, last: $b", {"a": 50}, 50),
            ("first: $a, last: $b", {"b": 50}, 50),
            ("last: $b, first: $a", {"b": 50, "a": None}, 50),
            ("last: $b, first: $a", {"b": None, "a": 7}, 7),
            ("first: $a, last: $b", {}, 20),
            ("first: $a, last: $b", {"a": None, "b": None}, 20),
            ("first: $a, last: 50", {}, 50),
            ("first: 5, last: $b", {"b": 50}, 50),
            ("first: null, last: $b", {"b": 50}, 50),
            ("last: $c", {}, 9),
            ("last: $c, first: $a", {"c": None}, 20),
            ("first: $a, last: $b", {"a": 5, "b": 50}, 50),
        ],
    )
    def test_the_size_that_is_given_counts(
        self, nobody: Api, settings: Settings, arguments: str, variables: dict[str, Any], size: int
    ) -> None:
        settings.CATALOG_PUBLIC = True
        used = [name for name in "abc" if f"${name}" in arguments]
        declared = ", ".join(f"${name}: Int" + (" = 9" if name == "c" else "") for name in used)
        for selection in ("nodes { id }", "...F"):
            query = f"query({declared}) {{ products({arguments}) {{ {selection} }} }}"
            query += " fragment F on ProductConnection { nodes { id } }" if selection == "...F" else ""
            answer = nobody.post(query, **variables).json()
            assert answer["extensions"]["cost"]["requested"] == 2 + size

    @pytest.mark.parametrize(("given", "size"), [(-5, 1), (0, 1), (101, 100), (2**31 - 1, 100)])
    def test_a_size_out_of_bounds_counts_as_the_nearest(self, nobody: Api, given: int, size: int) -> None:
        for query in (
            "query($n: Int) { products(last: $n) { nodes { id } } }",
            "{ products(last: %d) { nodes { id } } }",
        ):
            answer = nobody.post(query.replace("%d", str(given)), n=given).json()
            assert answer["extensions"]["cost"]["requested"] == 2 + size

    def test_passwords_are_dear(self, nobody: Api) -> None:
        """Each is hashed, slow on purpose; within a fragment too."""
        once = self.cost(nobody, f"mutation {{ {ONE.format(n='a')} }}")
        assert once >= 300
        three = "".join(ONE.format(n=f"a{n}") for n in range(3))
        assert self.cost(nobody, f"mutation {{ ...F }} fragment F on Mutation {{ {three} }}") == 10 + 3 * (once - 10)
        twenty = "".join(ONE.format(n=f"a{n}") for n in range(20))
        assert nobody.error(f"mutation {{ ...F }} fragment F on Mutation {{ {twenty} }}")["limit"] == "cost"


class TestDocumentsOnce:
    """A second request with the same text neither parses nor validates."""

    def test_the_second_time_it_is_kept(self, shopper: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        query = "query Once { me { email } }"
        first = shopper.post(query).json()
        monkeypatch.setattr(documents, "prepare", None)
        assert shopper.post(query).json() == first

    def test_what_does_not_hold_is_not_kept(self, shopper: Api) -> None:
        before = len(kept._kept)
        shopper.post("{ nonsense }")
        shopper.post("{")
        assert len(kept._kept) == before


class TestPersistedQueries:
    """Apollo's protocol, over POST and GET."""

    QUERY = "query Persisted($n: Int) { products(first: $n) { totalCount } }"
    HASH = "d5c7f0d3"

    def extensions(self, query: str, **changes: Any) -> dict[str, Any]:
        from hashlib import sha256

        return {"persistedQuery": {"version": 1, "sha256Hash": sha256(query.encode()).hexdigest(), **changes}}

    def send(self, api: Api, **body: Any) -> dict[str, Any]:
        response = api.client.post("/graphql/", json.dumps(body), content_type="application/json", headers=api.headers)
        return response.json()

    def test_not_found_then_registered_then_by_hash(self, shopper: Api) -> None:
        ProductFactory()
        query = self.QUERY
        unknown = self.send(shopper, extensions=self.extensions(query))
        assert unknown["errors"][0]["message"] == "PersistedQueryNotFound"
        assert unknown["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        assert self.send(shopper, query=query, extensions=self.extensions(query))["data"]
        kept._kept.clear()  # as in another process, which shares only the cache
        assert self.send(shopper, extensions=self.extensions(query), variables={"n": 1})["data"]["products"]
        by_get = {"extensions": json.dumps(self.extensions(query)), "variables": '{"n": 1}'}
        answer = shopper.client.get("/graphql/", by_get, headers={**shopper.headers, "Accept": "*/*"})
        assert answer.json()["data"] == {"products": {"totalCount": 1}}

    @pytest.mark.parametrize(
        "persisted", [{}, "x", {"version": 1}, {"version": 2, "sha256Hash": "a" * 64}, {"version": 1, "sha256Hash": 5}]
    )
    def test_a_bad_extension_is_named(self, shopper: Api, persisted: Any) -> None:
        error = self.send(shopper, extensions={"persistedQuery": persisted})["errors"][0]["extensions"]
        assert error == {"code": "BAD_USER_INPUT", "field": "extensions.persistedQuery"}

    def test_a_wrong_hash_is_refused_and_kept_nowhere(self, shopper: Api) -> None:
        extensions = self.extensions("{ me { id } }")
        error = self.send(shopper, query="{ me { email } }", extensions=extensions)["errors"][0]
        assert error["extensions"]["field"] == "extensions.persistedQuery.sha256Hash"
        assert self.send(shopper, extensions=extensions)["errors"][0]["message"] == "PersistedQueryNotFound"

    def test_what_does_not_hold_is_not_registered(self, shopper: Api) -> None:
        extensions = self.extensions("{ nonsense }")
        self.send(shopper, query="{ nonsense }", extensions=extensions)
        assert self.send(shopper, extensions=extensions)["errors"][0]["message"] == "PersistedQueryNotFound"


class TestIntrospection:
    """In production the schema is for staff, suggestions of names too."""

    @pytest.fixture(autouse=True)
    def _off(self, settings: Settings) -> None:
        settings.GRAPHQL_INTROSPECTION = False

    @pytest.mark.parametrize(
        "query",
        [
            get_introspection_query(),
            '{ __type(name: "User") { name } }',
            "{ ...a } fragment a on Query { __schema { types { name } } }",
        ],
    )
    def test_it_is_for_staff(self, shopper: Api, nobody: Api, staff: Api, query: str) -> None:
        for api in (shopper, nobody):
            assert api.error(query)["code"] == "GRAPHQL_VALIDATION_FAILED"
        assert staff.graphql(query)
        assert nobody.graphql("{ __typename }") == {"__typename": "Query"}

    def test_suggestions_too(self, shopper: Api, staff: Api, settings: Settings) -> None:
        for query in (
            "{ product { nam } }",
            "{ products(frist: 1) { totalCount } }",
            "{ me }",
            "{ products(filter: {idz: []}) { totalCount } }",
            "query($f: ProductFiltr) { products(filter: $f) { totalCount } }",
            "{ products(sortBy: {field: NAM}) { totalCount } }",
            '{ products(sortBy: {field: "NAME"}) { totalCount } }',
        ):
            assert "Did you mean" not in shopper.error(query)["message"]
            assert "Did you mean" in staff.error(query)["message"]

    @pytest.mark.parametrize("sort", [{"field": "NAM"}, {"fild": "NAME", "field": "NAME"}, {"field": "name"}])
    def test_nor_do_variables_suggest_anything(self, shopper: Api, staff: Api, sort: dict[str, str]) -> None:
        query = "query($s: ProductSort) { products(sortBy: $s) { totalCount } }"
        for api in (shopper, staff):
            error = api.error(query, s=sort)
            assert error["code"] == "BAD_USER_INPUT"
            assert "Did you mean" not in error["message"]

    def test_everyone_when_it_is_on(self, nobody: Api, settings: Settings) -> None:
        settings.GRAPHQL_INTROSPECTION = True
        assert nobody.graphql(get_introspection_query(input_value_deprecation=True))["__schema"]
