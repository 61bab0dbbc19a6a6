"""Prices by percent: every rounding, for prices drawn at random."""

from decimal import Decimal

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from catalog.bulk.models import Kind
from catalog.bulk.prices import MAX_PERCENT, MIN_PERCENT, Direction, Rounding, changed_price, roundings
from catalog.bulk.rules import PriceBefore, State, Stay, rule_of
from catalog.models import CENT, MAX_PRICE

PRICES = st.decimals(CENT, MAX_PRICE, places=2) | st.decimals(CENT, 20, places=2)
PERCENTS = st.decimals(MIN_PERCENT, MAX_PERCENT, places=2)


@pytest.fixture(autouse=True)
def _euros(settings):
    settings.CURRENCY = "EUR"


def changed(price, before=None, *, percent="-10", rounding="0.01+0", direction="NEAREST", then="KEEP"):
    """What becomes of a product with this price, or why it stays."""
    options = {"percent": percent, "rounding": rounding, "direction": direction, "before": then}
    before = None if before is None else Decimal(before)
    return rule_of(Kind.CHANGE_PRICES, options)(State(1, True, 1, 1, Decimal(price), before))


@pytest.mark.parametrize("currency", ["EUR", "JPY"])
@given(data=st.data(), price=PRICES, percent=PERCENTS, direction=st.sampled_from(Direction))
def test_a_rounded_price_is_one_of_its_kind_and_next_to_the_exact_one(currency, data, price, percent, direction):
    with override_settings(CURRENCY=currency):
        rounding = data.draw(st.sampled_from(roundings()), label="rounding")
    exact = price * (100 + percent) / 100
    rounded = changed_price(price, percent, rounding, direction)
    first = rounding.ending or rounding.step
    if rounded is None:
        assert direction == Direction.DOWN
        assert exact < first
        return
    assert rounded > 0
    assert (rounded - rounding.ending) % rounding.step == 0
    assert abs(rounded - exact) < rounding.step
    if direction == Direction.UP:
        assert rounded >= exact
    elif direction == Direction.DOWN:
        assert rounded <= exact
    else:
        assert abs(rounded - exact) * 2 <= rounding.step or rounded == first
    assert rounding.round(rounded, direction) == rounded
    assert Rounding.of(rounding.key) == rounding


@given(price=PRICES, before=st.none() | PRICES, percent=PERCENTS, then=st.sampled_from(PriceBefore), data=st.data())
def test_whatever_is_chosen_the_product_stays_valid(price, before, percent, then, data):
    """The price is above 0 and not above the largest; the price before is above the price, or none."""
    before = None if before is None or before <= price else before
    rounding, direction = data.draw(st.sampled_from(roundings())), data.draw(st.sampled_from(Direction))
    result = changed(price, before, percent=percent, rounding=rounding.key, direction=direction, then=then)
    if isinstance(result, Stay):
        return
    new = result.get("price", price)
    shown = result.get("compare_at_price", before)
    assert 0 < new <= MAX_PRICE
    assert shown is None or shown > new
    if then == PriceBefore.OLD_PRICE and new < price:
        assert shown == price


@pytest.mark.parametrize(
    ("price", "options", "result"),
    [
        ("19.95", {}, {"price": "17.96"}),
        ("12.30", {"rounding": "1.00+0.99"}, {"price": "10.99"}),
        ("12.30", {"rounding": "1.00+0.99", "direction": "UP"}, {"price": "11.99"}),
        ("12.30", {"rounding": "0.05+0", "direction": "DOWN"}, {"price": "11.05"}),
        ("100", {"percent": "2.5", "rounding": "1.00+0"}, {"price": "103"}),
        ("0.10", {"rounding": "1.00+0.99"}, {"price": "0.99"}),
        ("0.50", {"rounding": "1.00+0", "direction": "DOWN"}, Stay.TO_NOTHING),
        ("0", {"percent": "10", "rounding": "1.00+0.99"}, Stay.FREE),
        ("0.01", {}, Stay.SAME_PRICE),
        (MAX_PRICE, {"percent": "0.01"}, Stay.TOO_DEAR),
        ("100", {"then": "OLD_PRICE"}, {"price": "90", "compare_at_price": "100"}),
        ("100", {"percent": "10", "then": "OLD_PRICE"}, {"price": "110"}),
        ("100", {"before": "120", "then": "OLD_PRICE"}, {"price": "90", "compare_at_price": "100"}),
        ("100", {"before": "105", "percent": "10"}, {"price": "110", "compare_at_price": None}),
        ("100", {"before": "120", "percent": "10"}, {"price": "110"}),
        ("100", {"before": "120", "percent": "0", "then": "REMOVE"}, {"compare_at_price": None}),
    ],
)
def test_examples(price, options, result):
    if isinstance(result, dict):
        result = {name: value and Decimal(value) for name, value in result.items()}
    assert changed(price, **options) == result
