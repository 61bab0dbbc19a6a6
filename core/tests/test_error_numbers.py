"""The numbers of a mutation's errors: units there are, how many are allowed, seconds to wait. Else null."""

import ast
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from graphql_relay import to_global_id

from catalog import inventory
from catalog.attributes.models import MAX_ATTRIBUTES, MAX_VALUES
from catalog.images.services import image_upload
from catalog.images.tests.pictures import jpeg
from catalog.tests.factories import ProductFactory
from core.auth.policy import SYSTEM
from core.errors import InvalidInput
from core.tests.clients import Api

NUMBERS = {"INSUFFICIENT_STOCK": "available", "LIMIT_EXCEEDED": "allowed", "THROTTLED": "retry_after"}
ERRORS = "errors { field code available allowed retryAfter }"
ROOT = Path(__file__).resolve().parents[2]


def test_whoever_raises_one_of_the_three_codes_gives_its_number() -> None:
    """Every call of our code that passes the code passes the number too."""
    missing, raised = [], set()
    for path in (path for app in ("cart", "catalog", "core", "users") for path in (ROOT / app).rglob("*.py")):
        if "tests" in path.parts:
            continue
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            keywords = {keyword.arg for keyword in call.keywords}
            for value in [*call.args, *(keyword.value for keyword in call.keywords)]:
                code = value.attr if isinstance(value, ast.Attribute) and value.attr in NUMBERS else None
                if code and ast.unparse(value) == f"ErrorCode.{code}":
                    raised.add(code)
                    if NUMBERS[code] not in keywords:
                        missing.append(f"{path.relative_to(ROOT)}:{call.lineno} {code}")
    assert missing == []
    assert raised == NUMBERS.keys()


def errors(api: Api, mutation: str, kind: str, **given: Any) -> list[tuple[Any, ...]]:
    document = f"mutation($input: {kind}!) {{ payload: {mutation}(input: $input) {{ {ERRORS} }} }}"
    found = api.graphql(document, input=given)["payload"]["errors"]
    return [(".".join(e["field"] or []), e["code"], e["available"], e["allowed"], e["retryAfter"]) for e in found]


def test_of_a_cart(shopper: Api, settings: Any) -> None:
    settings.CART_MAX_LINES, settings.CART_MAX_QUANTITY = 2, 9
    lamps = [to_global_id("Product", ProductFactory(quantity=5).pk) for _ in range(3)]

    def add(*lines: tuple[str, int]) -> list[tuple[Any, ...]]:
        given = [{"productId": key, "quantity": quantity} for key, quantity in lines]
        return errors(shopper, "cartLinesAdd", "CartLinesAddInput", lines=given)

    assert add((lamps[0], 10), ("x", 1)) == [
        ("lines.1.productId", "NOT_FOUND", None, None, None),
        ("lines.0.quantity", "LIMIT_EXCEEDED", None, 9, None),
        ("lines.0.quantity", "INSUFFICIENT_STOCK", 5, None, None),
    ]
    assert add(*((key, 1) for key in lamps)) == [("lines", "LIMIT_EXCEEDED", None, 2, None)]
    assert add((lamps[0], 1), (lamps[1], 1)) == []
    assert add((lamps[2], 1)) == [("lines", "LIMIT_EXCEEDED", None, 2, None)]
    line = shopper.graphql("{ cart { lines { id } } }")["cart"]["lines"][0]["id"]
    assert errors(shopper, "cartLinesUpdate", "CartLinesUpdateInput", lines=[{"lineId": line, "quantity": 6}]) == [
        ("lines.0.quantity", "INSUFFICIENT_STOCK", 5, None, None)
    ]


def test_of_an_inventory(staff: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    slugs = [ProductFactory(quantity=3).slug for _ in range(2)]
    monkeypatch.setattr(inventory, "MAX_ITEMS", 2)
    for items, expected in (
        ([{"slug": slugs[0], "change": -4}], ("items.0.change", "INSUFFICIENT_STOCK", 3, None, None)),
        ([{"slug": slugs[0], "quantity": -1}], ("items.0.quantity", "INVALID", None, None, None)),
        ([{"slug": slug, "change": 1} for slug in [*slugs, "x"]], ("items", "LIMIT_EXCEEDED", None, 2, None)),
    ):
        assert errors(staff, "inventoryUpdate", "InventoryUpdateInput", items=items) == [expected]


def test_of_a_products_attributes(staff: Api) -> None:
    lamp = to_global_id("Product", ProductFactory().pk)
    for texts, allowed in ((range(MAX_VALUES + 1), MAX_VALUES), (range(MAX_ATTRIBUTES + 1), MAX_ATTRIBUTES)):
        given = [{"attribute": f"a{n}" if allowed == MAX_ATTRIBUTES else "a", "text": str(n)} for n in texts]
        assert errors(staff, "productUpdate", "ProductUpdateInput", id=lamp, attributes=given) == [
            ("attributes", "LIMIT_EXCEEDED", None, allowed, None)
        ]


def test_of_images(db: None, settings: Any) -> None:
    settings.IMAGES_PER_PRODUCT = 0
    with pytest.raises(InvalidInput) as refusal:
        image_upload(actor=SYSTEM, product_id=ProductFactory().pk, file=SimpleUploadedFile("a.jpg", jpeg(4, 3)))
    assert [error.allowed for error in refusal.value.field_errors] == [0]


def test_of_attempts(nobody: Api, settings: Any) -> None:
    """Each mutation that counts attempts, after as many as its limit allows."""
    for name in ("SIGN_IN", "REGISTER", "REFRESH"):
        setattr(settings, f"THROTTLE_{name}", (1, 60))
    settings.THROTTLE_RESET = (1, 600)
    document = f"""mutation {{
      tokenAuth(email: "ann@example.com", password: "wrong") {{ {ERRORS} }}
      refreshToken(refreshToken: "wrong") {{ {ERRORS} }}
      register(input: {{email: "ann@example.com", password: "correct-horse-7"}}) {{ {ERRORS} }}
      passwordResetRequest(email: "ann@example.com") {{ {ERRORS} }} }}"""
    nobody.graphql(document)
    for name, payload in nobody.graphql(document).items():
        (error,) = payload["errors"]
        longest = 600 if name == "passwordResetRequest" else 60
        assert (error["code"], 0 < error["retryAfter"] <= longest) == ("THROTTLED", True), name
        assert (error["available"], error["allowed"]) == (None, None)
