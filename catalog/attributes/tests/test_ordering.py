"""The order of values and what makes two spellings one."""

import random

import pytest

from catalog.attributes.ordering import order_key, value_key


@pytest.mark.parametrize(
    "values",
    [
        ["XXS", "XS", "S", "M", "L", "XL", "XXL", "3XL"],
        ["extra small", "small", "medium", "large", "x-large", "2 XL"],
        ["8 GB", "16 GB", "128 GB", "1000 GB"],
        ["1.25", "1.5", "2", "10"],
        ["36", "36.5", "37", "40 2/3"],
        ["Äpfel", "apple", "banana"],
    ],
)
def test_values_are_in_natural_order(values: list[str]) -> None:
    shuffled = random.Random(3).sample(values, len(values))
    assert sorted(shuffled, key=order_key) == values


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Red", "RED"),
        ("dark  red", "Dark Red "),
        ("ＸＬ", "xl"),
        ("Straße", "STRASSE"),
        ("½", "1⁄2"),
        ("a\u200bb", "ab"),
    ],
)
def test_spellings_of_one_value(one: str, other: str) -> None:
    assert value_key(one) == value_key(other)


@pytest.mark.parametrize(("one", "other"), [("Rosé", "Rose"), ("C", "C#"), ("1.5", "15"), ("が", "か")])
def test_values_that_differ(one: str, other: str) -> None:
    assert value_key(one) != value_key(other)
