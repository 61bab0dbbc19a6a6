"""Stock levels and prices of many products at once: all or nothing, by GraphQL."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from threading import Barrier

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from cart.tests.documents import ADD, change, product_id, wish
from cart.tests.documents import codes as cart_codes
from catalog.inventory import MAX_ITEMS, MAX_REPORTED_ERRORS
from catalog.models import IndexChange, Product
from catalog.search.changes import CHUNK_KEYS, changes_committed
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory, created
from core.models import IdempotencyKey
from core.tests.clients import Api
from users.tests.factories import UserFactory, employee

UPDATE = """mutation($input: InventoryUpdateInput!) { payload: inventoryUpdate(input: $input) {
    updated unchanged errors { field code message } } }"""
NOTHING = {"updated": 0, "unchanged": 0}


def send(api, *items, **values):
    return api.graphql(UPDATE, input={"items": [*items], **values})["payload"]


def codes(payload):
    assert payload["errors"] == [] or (payload["updated"], payload["unchanged"]) == (0, 0)
    return [(".".join(error["field"] or []), error["code"]) for error in payload["errors"]]


def state():
    return list(Product.objects.order_by("pk").values_list("sku", "quantity", "price", "compare_at_price"))


@pytest.fixture
def shelf(db):
    """A, B and C with 5 units each at 10.00; C was 15.00 before, is archived and has an unlimited stock."""
    place = {"category": CategoryFactory(), "brand": BrandFactory(), "quantity": 5}
    ProductFactory(sku="A", slug="a", **place)
    ProductFactory(sku="B", slug="b", **place)
    last = {"compare_at_price": Decimal("15.00"), "is_active": False, "unlimited_stock": True}
    ProductFactory(sku="C", slug="c", **last, **place)


def many(count):
    place = {"category": CategoryFactory(), "brand": BrandFactory()}
    return created([ProductFactory.build(sku=f"S-{n}", slug=f"s-{n}", **place) for n in range(count)])


class TestSets:
    def test_units_and_prices_by_sku_or_slug(self, staff, shelf):
        items = [
            {"sku": "A", "quantity": 7, "price": "8.50", "compareAtPrice": "10"},
            {"slug": "b", "change": -5},
            {"sku": " C ", "price": "12.00", "change": 2},
        ]
        assert send(staff, *items) == {"updated": 3, "unchanged": 0, "errors": []}
        assert state() == [
            ("A", 7, Decimal("8.50"), Decimal("10.00")),
            ("B", 0, Decimal("10.00"), None),
            ("C", 7, Decimal("12.00"), Decimal("15.00")),
        ]
        assert Product.objects.get(sku="C").unlimited_stock

    def test_what_is_the_same_already_is_left_alone(self, staff, shelf):
        before = dict(Product.objects.values_list("sku", "updated_at"))
        items = [{"sku": "A", "quantity": 5, "price": "10"}, {"sku": "B", "change": 0}, {"sku": "C", "change": 1}]
        assert send(staff, *items) == {"updated": 1, "unchanged": 2, "errors": []}
        after = dict(Product.objects.values_list("sku", "updated_at"))
        assert {sku for sku in after if after[sku] != before[sku]} == {"C"}

    @pytest.mark.parametrize(
        ("given", "price", "before"),
        [
            ({"compareAtPrice": None}, "10.00", None),
            ({"price": "14.99"}, "14.99", "15.00"),
            # A price that rises to what it was before is not reduced any more.
            ({"price": "15.00"}, "15.00", None),
            ({"price": "20", "compareAtPrice": "25"}, "20.00", "25.00"),
            ({"price": "-0", "compareAtPrice": "0.01"}, "0.00", "0.01"),
            ({"price": "9999999999.98", "compareAtPrice": "9999999999.99"}, "9999999999.98", "9999999999.99"),
        ],
    )
    def test_the_price_before(self, staff, shelf, given, price, before):
        assert send(staff, {"sku": "C", **given}) == {"updated": 1, "unchanged": 0, "errors": []}
        assert state()[2] == ("C", 5, Decimal(price), before and Decimal(before))

    def test_the_search_knows_at_once(self, staff, shopper, index, shelf):
        query = "{ products(filter: {inStock: false}) { nodes { sku } } }"
        assert shopper.graphql(query)["products"]["nodes"] == []
        send(staff, {"sku": "A", "quantity": 0}, {"sku": "B", "quantity": 1})
        assert shopper.graphql(query)["products"]["nodes"] == [{"sku": "A"}]

    def test_a_thousand_with_their_own_values(self, staff, db):
        many(MAX_ITEMS)
        items = [{"sku": f"S-{n}", "quantity": n, "price": f"{n}.{n % 100:02}"} for n in range(MAX_ITEMS)]
        assert send(staff, *reversed(items)) == {"updated": 1000, "unchanged": 0, "errors": []}
        wanted = [(f"S-{n}", n, Decimal(f"{n}.{n % 100:02}"), None) for n in range(MAX_ITEMS)]
        assert state() == wanted
        assert send(staff, *items) == {"updated": 0, "unchanged": 1000, "errors": []}


class TestRefuses:
    @pytest.mark.parametrize(
        ("item", "path", "code"),
        [
            ({"quantity": 1}, "", "REQUIRED"),
            ({"sku": None, "slug": None, "quantity": 1}, "", "REQUIRED"),
            ({"sku": "B", "slug": "b", "quantity": 1}, "slug", "INVALID"),
            *(({"sku": sku, "quantity": 1}, "sku", "NOT_FOUND") for sku in ("", "b", "x" * 10_000)),
            *(({"slug": slug, "quantity": 1}, "slug", "NOT_FOUND") for slug in ("", "nothing", "🎉", "x" * 10_000)),
            ({"sku": "B"}, "", "REQUIRED"),
            ({"sku": "B", "quantity": 1, "change": 1}, "change", "INVALID"),
            ({"sku": "B", "quantity": None}, "quantity", "REQUIRED"),
            ({"sku": "B", "change": None}, "change", "REQUIRED"),
            ({"sku": "B", "price": None}, "price", "REQUIRED"),
            ({"sku": "B", "quantity": -1}, "quantity", "INVALID"),
            ({"sku": "B", "change": -6}, "change", "INSUFFICIENT_STOCK"),
            ({"sku": "B", "change": 2**31 - 1}, "change", "INVALID"),
            *(({"sku": "B", "price": price}, "price", "INVALID") for price in ("-0.01", "1.001", "9" * 11, "9" * 40)),
            *(
                ({"sku": "B", "compareAtPrice": price}, "compareAtPrice", "INVALID")
                for price in ("10.00", "9.99", "-1", "10.001", "10000000000")
            ),
            ({"sku": "B", "price": "20", "compareAtPrice": "20"}, "compareAtPrice", "INVALID"),
            ({"sku": "A", "quantity": 1}, "sku", "INVALID"),
            ({"slug": "a", "quantity": 1}, "slug", "INVALID"),
        ],
    )
    def test_names_the_row_and_changes_nothing(self, staff, shelf, item, path, code):
        before = state()
        payload = send(staff, {"sku": "A", "quantity": 99}, item)
        assert codes(payload) == [(f"items.1.{path}".rstrip("."), code)]
        assert state() == before
        assert not IdempotencyKey.objects.exists()

    def test_says_how_many_there_are(self, staff, shelf):
        (error,) = send(staff, {"sku": "A", "change": -6})["errors"]
        assert error["message"] == "There are only 5 in stock."

    def test_all_rows_at_once_but_no_more_than_a_hundred(self, staff, shelf):
        wrong = [{"sku": "A", "change": -6}, {"sku": "x", "price": None}, {"sku": "B", "quantity": 1}, {"slug": "y"}]
        assert codes(send(staff, *wrong)) == [
            *[("items.0.change", "INSUFFICIENT_STOCK"), ("items.1.sku", "NOT_FOUND"), ("items.1.price", "REQUIRED")],
            *[("items.3.slug", "NOT_FOUND"), ("items.3", "REQUIRED")],
        ]
        assert len(codes(send(staff, *wrong * 200))) == MAX_REPORTED_ERRORS

    def test_none_and_too_many(self, staff, shelf):
        assert codes(send(staff)) == [("items", "REQUIRED")]
        assert codes(send(staff, *[{"sku": "A", "quantity": 1}] * (MAX_ITEMS + 1))) == [("items", "LIMIT_EXCEEDED")]

    @pytest.mark.parametrize("item", [{"quantity": 2**31}, {"quantity": "5"}, {"change": 0.5}, {"price": "1,5"}])
    def test_what_is_no_number(self, staff, shelf, item):
        error = staff.error(UPDATE, input={"items": [{"sku": "A", **item}]})
        assert (error["code"], error["field"]) == ("BAD_USER_INPUT", f"input.items.0.{next(iter(item))}")

    def test_whoever_may_not(self, shopper, nobody, shelf):
        assert codes(send(shopper, {"sku": "x", "quantity": -1})) == [("", "FORBIDDEN")]
        assert nobody.error(UPDATE, input={"items": []})["code"] == "UNAUTHENTICATED"


class TestRepeats:
    def test_are_applied_once_and_answered_the_same(self, staff, shelf):
        items = [{"sku": "A", "change": -2}, {"sku": "B", "change": 0}]
        first = send(staff, *items, idempotencyKey="k")
        assert first == {"updated": 1, "unchanged": 1, "errors": []}
        assert send(staff, *items, idempotencyKey="k") == first
        assert state()[0][1] == 3
        send(staff, *items)
        assert state()[0][1] == 1
        # The stock is too low by now, which a repeat does not ask.
        assert send(staff, *items, idempotencyKey="k") == first

    @pytest.mark.parametrize(
        "other",
        [
            {"sku": "A", "change": -3},
            {"sku": "A", "quantity": 1},
            {"slug": "a", "change": -2},
            {"sku": "A", "change": -2, "compareAtPrice": None},
        ],
    )
    def test_with_other_items_are_refused(self, staff, shelf, other):
        send(staff, {"sku": "A", "change": -2}, idempotencyKey="k")
        assert codes(send(staff, other, idempotencyKey="k")) == [("idempotencyKey", "INVALID")]
        assert state()[0][1] == 3

    @pytest.mark.parametrize("key", ["", "x" * 65])
    def test_a_key_has_1_to_64_characters(self, staff, shelf, key):
        payload = send(staff, {"sku": "x", "change": 1}, idempotencyKey=key)
        assert codes(payload) == [("idempotencyKey", "INVALID"), ("items.0.sku", "NOT_FOUND")]

    def test_what_failed_does_not_keep_its_key(self, staff, shelf):
        assert codes(send(staff, {"sku": "A", "change": -9}, idempotencyKey="k")) != []
        assert codes(send(staff, {"sku": "A", "change": -5}, idempotencyKey="k")) == []


def at_once(calls):
    """The results of the calls, which run in threads of their own and start at the same time."""
    gate = Barrier(len(calls))

    def one(call):
        try:
            connection.ensure_connection()
            gate.wait(30)
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


@pytest.mark.mysql
@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_no_change_is_lost_and_none_goes_below_zero(self, shelf):
        Product.objects.update(quantity=15)
        api = Api(employee())
        payloads = at_once([partial(send, api, {"sku": "A", "change": -1}, {"sku": "B", "change": -1})] * 20)
        short = (("items.0.change", "INSUFFICIENT_STOCK"), ("items.1.change", "INSUFFICIENT_STOCK"))
        assert Counter(tuple(codes(payload)) for payload in payloads) == {(): 15, short: 5}
        assert [quantity for _, quantity, *_ in state()] == [0, 0, 15]

    def test_one_key_is_applied_once(self, shelf):
        api = Api(employee())
        for turn in range(1, 4):
            payloads = at_once([partial(send, api, {"sku": "A", "change": 1}, idempotencyKey=str(turn))] * 12)
            assert payloads == [{"updated": 1, "unchanged": 0, "errors": []}] * 12
            assert state()[0][1] == 5 + turn

    def test_beside_carts_and_other_writers(self, shelf):
        Product.objects.update(is_active=True, quantity=10_000)
        products = list(Product.objects.order_by("pk"))
        api, shoppers = Api(employee()), [Api(UserFactory()) for _ in range(4)]
        items = [{"sku": sku, "change": -1} for sku in "ABC"]
        update = "mutation($input: ProductUpdateInput!) { productUpdate(input: $input) { errors { code } } }"

        def repeatedly(call):
            return lambda: [call(turn) for turn in range(8)]

        def rename(product):
            given = lambda turn: {"id": product_id(product), "name": f"Turn {turn}"}  # noqa: E731
            return lambda turn: api.graphql(update, input=given(turn))["productUpdate"]["errors"]

        calls = [
            *(repeatedly(lambda _, way=way: codes(send(api, *items[::way]))) for way in (1, -1, 1, -1)),
            *(
                repeatedly(lambda _, who=who: cart_codes(change(who, ADD, lines=[wish(p) for p in products])))
                for who in shoppers
            ),
            *(repeatedly(rename(product)) for product in products),
        ]
        assert at_once(calls) == [[[]] * 8] * len(calls)
        assert [quantity for _, quantity, *_ in state()] == [10_000 - 32] * 3


class TestCosts:
    def count(self, api, items, **values):
        with CaptureQueriesContext(connection) as queries:
            assert send(api, *items, **values)["errors"] == []
        return [query["sql"] for query in queries.captured_queries]

    def test_the_same_statements_at_1_and_at_1000(self, staff, db):
        many(MAX_ITEMS)
        items = [{"quantity": n + 9, **({"sku": f"S-{n}"} if n % 2 else {"slug": f"s-{n}"})} for n in range(MAX_ITEMS)]
        few, all_of_them = (self.count(staff, some) for some in (items[:2], items))
        # Records for the index go by as many in one statement as the database takes parameters.
        limit = connection.features.max_query_params or 10**9
        size = min(CHUNK_KEYS, limit // len(IndexChange._meta.concrete_fields[1:]))
        assert len(all_of_them) == len(few) + -(-MAX_ITEMS // size) - 1
        # Two of them change the revision of the catalogue.
        assert len(few) <= 14

    def test_the_index_is_told_once(self, staff, db, django_capture_on_commit_callbacks):
        many(300)
        # The test's own transaction has a notice waiting already.
        connection.run_on_commit.clear()
        sent = []
        changes_committed.connect(lambda **_: sent.append(1), dispatch_uid="test", weak=False)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                send(staff, *({"sku": f"S-{n}", "change": 1} for n in range(300)))
        finally:
            changes_committed.disconnect(dispatch_uid="test")
        assert sent == [1]

    def test_ten_calls_in_a_row_fit_into_the_budgets(self, staff, db, settings):
        settings.RATE_LIMIT_COST_USER = settings.RATE_LIMIT_COST_ADDRESS = (100_000, 60)
        many(MAX_ITEMS)
        for turn in range(10):
            item = {"price": f"{turn + 1}.50", "compareAtPrice": "9999999999.99", "quantity": turn}
            payload = send(staff, *({"sku": f"S-{n}", **item} for n in range(MAX_ITEMS)))
            assert payload == {"updated": 1000, "unchanged": 0, "errors": []}
