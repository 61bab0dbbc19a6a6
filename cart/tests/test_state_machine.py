"""Compares the cart with a model of plain dicts under random mutations."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from cart.tests.documents import ADD, CLEAR, REMOVE, UPDATE, change, codes, product_id, read
from catalog.models import Product
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.tests.clients import Api
from core.tests.examples import examples
from users.tests.factories import UserFactory

KINDS = 4
MAX_LINES, MAX_QUANTITY = 3, 12
which = st.integers(0, KINDS - 1)
amounts = st.integers(-1, 13)
wishes = st.lists(st.tuples(which, amounts), max_size=MAX_LINES)
versions = st.sampled_from(["none", "right", "right", "stale"])
keys = st.sampled_from([None, None, "a", "b"])


class Shelf:
    """What the model knows of a product."""

    def __init__(self, product: Product) -> None:
        self.id, self.pk, self.name = product_id(product), product.pk, product.name
        self.price, self.stock, self.active = product.price, product.quantity, True


class CartMachine(RuleBasedStateMachine):
    """Two users' carts; one is driven, the other must never move."""

    @initialize()
    def begin(self) -> None:
        self.api, self.other = Api(UserFactory()), Api(UserFactory())
        place = {"category": CategoryFactory(), "brand": BrandFactory()}
        self.shelves = [Shelf(ProductFactory(quantity=n * 5, price=Decimal(n) + 1, **place)) for n in range(KINDS)]
        for product in self.shelves:
            product.price = product.price.quantize(Decimal("0.01"))
        self.quantities: dict[int, int] = {}
        self.prices: dict[int, Decimal] = {}
        self.version = 0
        self.used: dict[tuple[str, str], object] = {}
        self.ids: dict[int, str] = {}
        added = change(self.other, ADD, lines=[{"productId": self.shelves[3].id, "quantity": 1}])
        self.others = added["cart"]

    def terms(self, version: str, key: str | None) -> dict:
        given = {"none": {}, "right": {"expectedVersion": self.version}, "stale": {"expectedVersion": self.version + 1}}
        return {**given[version], **({"idempotencyKey": key} if key else {})}

    def judged(self, payload, expected: set[tuple[str, str]], after: dict[int, int], used=None, bought=()) -> None:
        """Compares the payload with the expected errors; without any, the model moves on."""
        assert set(codes(payload)) == expected
        if expected:
            return
        if after != self.quantities or bought:
            self.version += 1
        for pk in bought:
            self.prices[pk] = next(shelf.price for shelf in self.shelves if shelf.pk == pk)
        self.quantities = after
        if used:
            self.used[used[0]] = used[1]

    def retried(self, mutation: str, key: str | None, said: object, payload, field_errors: set) -> bool:
        """Whether the key was used before: with the same input nothing may happen, with other input it is an error."""
        if key is None or (mutation, key) not in self.used:
            return False
        if self.used[mutation, key] == said:
            assert payload["errors"] == []
            return True
        field_errors.add(("idempotencyKey", "INVALID"))
        return False

    @rule(wanted=wishes, version=versions, key=keys)
    def add(self, wanted, version, key) -> None:
        lines = [{"productId": self.shelves[kind].id, "quantity": amount} for kind, amount in wanted]
        payload = change(self.api, ADD, lines=lines, **self.terms(version, key))
        if not wanted:
            return self.judged(payload, {("lines", "INVALID")}, {})
        said, field_errors = sorted(wanted), set()
        if self.retried("add", key, said, payload, field_errors):
            return None
        if version == "stale":
            field_errors.add(("expectedVersion", "VERSION_CONFLICT"))
        after, last = dict(self.quantities), {}
        for index, (kind, amount) in enumerate(wanted):
            shelf = self.shelves[kind]
            if not shelf.active:
                field_errors.add((f"lines.{index}.productId", "NOT_FOUND"))
            if amount < 1:
                field_errors.add((f"lines.{index}.quantity", "INVALID"))
            elif shelf.active:
                after[shelf.pk] = after.get(shelf.pk, 0) + amount
                last[kind] = index
        for kind, index in last.items():
            field_errors |= self.too_many(self.shelves[kind], after[self.shelves[kind].pk], index)
        if len(after) > max(MAX_LINES, len(self.quantities)):
            field_errors.add(("lines", "LIMIT_EXCEEDED"))
        bought = [self.shelves[kind].pk for kind in last]
        return self.judged(payload, field_errors, after, (("add", key), said) if key else None, bought)

    @staticmethod
    def too_many(shelf: Shelf, amount: int, index: int) -> set[tuple[str, str]]:
        path = f"lines.{index}.quantity"
        limit = {(path, "LIMIT_EXCEEDED")} if amount > MAX_QUANTITY else set()
        return limit | ({(path, "INSUFFICIENT_STOCK")} if amount > shelf.stock else set())

    @rule(wanted=wishes, version=versions, key=keys)
    def update(self, wanted, version, key) -> None:
        lines = [{"lineId": self.ids.get(self.shelves[k].pk, "x"), "quantity": amount} for k, amount in wanted]
        payload = change(self.api, UPDATE, lines=lines, **self.terms(version, key))
        if not wanted:
            return self.judged(payload, {("lines", "INVALID")}, {})
        said, field_errors = sorted((line["lineId"], line["quantity"]) for line in lines), set()
        if self.retried("update", key, said, payload, field_errors):
            return None
        if version == "stale":
            field_errors.add(("expectedVersion", "VERSION_CONFLICT"))
        after, seen = dict(self.quantities), set()
        for index, (kind, amount) in enumerate(wanted):
            shelf = self.shelves[kind]
            if amount < 0:
                field_errors.add((f"lines.{index}.quantity", "INVALID"))
            if shelf.pk not in self.quantities:
                field_errors.add((f"lines.{index}.lineId", "NOT_FOUND"))
            elif kind in seen:
                field_errors.add((f"lines.{index}.lineId", "INVALID"))
            elif amount == 0:
                del after[shelf.pk]
            elif amount > 0:
                after[shelf.pk] = amount
                missing = {(f"lines.{index}.lineId", "NOT_FOUND")}
                field_errors |= self.too_many(shelf, amount, index) if shelf.active else missing
            seen.add(kind)
        return self.judged(payload, field_errors, after, (("update", key), said) if key else None)

    @rule(kinds=st.lists(which, max_size=3), version=versions)
    def remove(self, kinds, version) -> None:
        ids = [self.ids.get(self.shelves[kind].pk, "x") for kind in kinds]
        payload = change(self.api, REMOVE, lineIds=ids, **self.terms(version, None))
        if not kinds:
            return self.judged(payload, {("lineIds", "INVALID")}, {})
        field_errors = {("expectedVersion", "VERSION_CONFLICT")} if version == "stale" else set()
        field_errors |= {(f"lineIds.{index}", "NOT_FOUND") for index, line_id in enumerate(ids) if line_id == "x"}
        gone = {self.shelves[kind].pk for kind in kinds}
        return self.judged(payload, field_errors, {pk: n for pk, n in self.quantities.items() if pk not in gone})

    @rule(version=versions)
    def clear(self, version) -> None:
        payload = change(self.api, CLEAR, **self.terms(version, None))
        self.judged(payload, {("expectedVersion", "VERSION_CONFLICT")} if version == "stale" else set(), {})

    @rule(kind=which, stock=st.integers(0, 20), active=st.booleans(), cents=st.integers(0, 10_000))
    def shop_changes(self, kind, stock, active, cents) -> None:
        shelf = self.shelves[kind]
        shelf.stock, shelf.active, shelf.price = stock, active, Decimal(cents) / 100
        Product.objects.filter(pk=shelf.pk).update(quantity=stock, is_active=active, price=shelf.price)

    @invariant()
    def both_hold_the_same(self) -> None:
        cart = read(self.api)
        lines = {line["product"]["name"]: line for line in cart["lines"]}
        assert len(lines) == len(cart["lines"]) == len(self.quantities)
        assert (cart["version"], cart["totalQuantity"]) == (self.version, sum(self.quantities.values()))
        subtotal = Decimal(0)
        self.ids = {}
        for shelf in self.shelves:
            if shelf.pk not in self.quantities:
                continue
            line, quantity = lines[shelf.name], self.quantities[shelf.pk]
            self.ids[shelf.pk] = line["id"]
            assert line["quantity"] == quantity
            assert Decimal(line["unitPrice"]["amount"]) == shelf.price
            assert Decimal(line["unitPriceWhenAdded"]["amount"]) == self.prices[shelf.pk]
            assert Decimal(line["lineTotal"]["amount"]) == shelf.price * quantity
            good = "AVAILABLE" if quantity <= shelf.stock else "INSUFFICIENT_STOCK"
            assert line["availability"] == (good if shelf.active else "UNAVAILABLE")
            subtotal += shelf.price * quantity if line["availability"] == "AVAILABLE" else 0
        assert Decimal(cart["subtotal"]["amount"]) == subtotal
        theirs = read(self.other)
        assert (theirs["version"], theirs["totalQuantity"]) == (self.others["version"], 1)


@pytest.mark.django_db
def test_the_cart_behaves_like_its_model(settings_of_the_shop):
    run_state_machine_as_test(
        CartMachine,
        settings=settings(
            max_examples=examples(20), stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.fixture
def settings_of_the_shop(settings):
    """Limits that are met often."""
    settings.CART_MAX_LINES, settings.CART_MAX_QUANTITY = MAX_LINES, MAX_QUANTITY
