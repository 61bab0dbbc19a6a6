"""The documents and tokens of some samples, compared with those that the last version of the index holds.

An index on disk is rebuilt when its version changes. If documents changed without it, the index in use would hold old
and new ones side by side. golden_documents.json shows in a readable form what documents of this version look like.
"""

import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from catalog.category_tree import CategoryTree
from catalog.models import Attribute, AttributeKind, Brand, Category
from catalog.search.index import documents
from catalog.search.index.attribute_codes import Held
from catalog.search.index.documents import BRAND, CATEGORY, VERSION, Documents, ProductRow, named_document

GOLDEN = Path(__file__).with_name("golden_documents.json")
UPDATE = "UPDATE_GOLDEN=1 .venv/bin/python -m pytest catalog/search/tests/test_documents.py"
CATEGORIES = [
    Category(pk=1, name="Living", slug="living", folded_name="living"),
    Category(pk=2, name="Lámpen & Łöffel", slug="lampen", folded_name="lampen & łoffel", parent_id=1),
]
BRANDS = {7: "Møllegård T-Shirts", 8: "日本の家"}
CREATED = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
ATTRIBUTES = [
    Attribute(pk=1, name="Colour", slug="colour"),
    Attribute(pk=2, name="Width", slug="width", kind=AttributeKind.NUMBER, unit="cm"),
    Attribute(pk=3, name="Dimmable", slug="dimmable", kind=AttributeKind.BOOLEAN),
]
VALUES = {1: "Red", 2: "Off-white", **{100 + n: f"shade {n}" for n in range(20)}}
HELD = (
    Held(1, 1, None, None),
    Held(1, 2, None, None),
    Held(2, None, Decimal("-12.5"), None),
    Held(3, None, None, True),
)
MANY = tuple(Held(1, 100 + n, None, None) for n in range(20))
# id, name, SKU, description, category, brand, price, quantity, rating, created, unlimited stock, price before, group.
ROWS: list[tuple[Any, ...]] = [
    (
        1,
        "Plain lamps",
        "LMP-0042",
        "Runs, running and ran.",
        1,
        7,
        Decimal("19.99"),
        3,
        4.5,
        CREATED,
        False,
        None,
        None,
    ),
    (
        2,
        "T-shirt, X/L “l'été”",
        None,
        "Straße ﬁne İıŁ 100% a_b",
        2,
        7,
        Decimal("0.00"),
        0,
        None,
        CREATED,
        False,
        None,
        None,
    ),
    (
        3,
        "Żółw Größe ÆØÅ œuvre",
        "a.b-c",
        "e\u0301te\u0301 ½ ٣ ™",
        1,
        8,
        Decimal("9999999999.99"),
        1,
        0.0,
        CREATED,
        False,
        Decimal("10000000000"),
        5,
        HELD,
    ),
    (
        4,
        "Лампы и ёлки",
        "СКУ-1",
        "Ελληνικά λάμπες",
        2,
        8,
        Decimal("5"),
        2_147_483_647,
        5.0,
        CREATED,
        False,
        None,
        5,
        MANY,
    ),
    (5, "日本 無線充電器 カメラ", "", "방수스피커 휴대용", 1, 8, Decimal("20.00"), 0, 3.3, CREATED, True, None, None),
    (
        6,
        "مصباح हिन्दी लैंप ไฟ",
        None,
        "🎉 ❤\ufe0f 👨\u200d👩\u200d👧",
        1,
        7,
        Decimal("1.50"),
        5,
        1.0,
        CREATED,
        True,
        None,
        None,
    ),
    (
        7,
        "x" * 256,
        None,
        "\u00ad\u200b ... --- a-\u0301-b " + "é" * 130,
        1,
        7,
        Decimal("2"),
        5,
        None,
        CREATED,
        False,
        None,
        None,
    ),
]
PRODUCTS = [ProductRow(*row) for row in ROWS]


def described(document: Any) -> dict[str, Any]:
    """The fields of a document; in place of analysed texts their tokens."""
    fields = {name: values if len(values) > 1 else values[0] for name, values in document.to_dict().items()}
    for name, tokenizer, *_ in documents._TEXTS:
        if name in fields and tokenizer == "words":
            fields[name] = " ".join(documents._WORDS.analyze(fields[name]))
    return dict(sorted(fields.items()))


def described_samples() -> list[dict[str, Any]]:
    maker = Documents(CategoryTree(CATEGORIES), BRANDS, ATTRIBUTES)
    maker.learn(VALUES)
    named = [named_document(CATEGORY, row) for row in CATEGORIES]
    named += [named_document(BRAND, Brand(pk=pk, name=name)) for pk, name in BRANDS.items()]
    return [described(document) for document in [*map(maker.product, PRODUCTS), *named]]


def test_documents_change_only_with_the_version() -> None:
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {"version": 0, "documents": []}
    samples = described_samples()
    has_changed = samples != golden["documents"]
    if has_changed and golden["version"] == VERSION:
        changed = [
            name
            for old, new in zip(golden["documents"], samples, strict=False)
            for name in old.keys() | new.keys()
            if old.get(name) != new.get(name)
        ]
        pytest.fail(
            f"Documents differ from those of version {VERSION} (fields: {', '.join(sorted(set(changed)))}). "
            f"If that is meant: raise VERSION in {documents.__name__}, so that every index is rebuilt; then `{UPDATE}`."
        )
    if has_changed or golden["version"] != VERSION:
        if not os.environ.get("UPDATE_GOLDEN"):
            pytest.fail(
                f"{GOLDEN.name} is of another version of the index. Update it, and read the difference: `{UPDATE}`."
            )
        content = {"version": VERSION, "documents": samples}
        GOLDEN.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
