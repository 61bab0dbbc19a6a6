"""What a search box completes, and what is marked in what was found."""

from typing import Any

import pytest

from catalog.models import Product
from catalog.search.highlight import Highlighter
from catalog.search.strategy import STRICT, TYPOS, MatchLevel
from catalog.selectors import read_products
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.tests.clients import Api

SUGGESTIONS = "query($text: String!, $first: Int) { suggestions(query: $text, first: $first) { text kind slug } }"
OBJECTS = """query($text: String!) { suggestions(query: $text) { text kind
  product { slug price { amount } image { alt } category { name } } category { slug path { name } } brand { slug }
} }"""


def texts(api: Api, text: str, **more: Any) -> list[tuple[str, str]]:
    found = api.graphql(SUGGESTIONS, text=text, **more)["suggestions"]
    return [(each["kind"], each["text"]) for each in found]


@pytest.fixture
def _shop(db: None, each_engine: str) -> None:
    lamps, brand = CategoryFactory(name="Lamps", slug="lamps"), BrandFactory(name="Lampard & Søn", slug="lampard")
    for name in ("Lamp shade", "Floor lamp", "Lamp shade", "Bath towel"):
        ProductFactory(name=name, category=lamps, brand=brand)
    ProductFactory(name="Lamp of old", category=lamps, brand=brand, is_active=False)


@pytest.mark.usefixtures("_shop")
class TestSuggestions:
    """As you type."""

    def test_kinds_and_their_order(self, shopper: Api, each_engine: str) -> None:
        found = texts(shopper, "lam")
        assert found[:2] == [("CATEGORY", "Lamps"), ("BRAND", "Lampard & Søn")]
        assert ("PRODUCT", "Lamp shade") in found
        assert ("PRODUCT", "Floor lamp") in found
        assert ("PRODUCT", "Lamp of old") not in found
        # What begins with the text comes before what only holds it.
        assert found[-1] == ("PRODUCT", "Floor lamp")
        answer = shopper.graphql(SUGGESTIONS, text="Lamps")["suggestions"]
        assert answer[0] == {"text": "Lamps", "kind": "CATEGORY", "slug": "lamps"}

    def test_several_words_and_case(self, shopper: Api) -> None:
        assert ("PRODUCT", "Bath towel") in texts(shopper, "BÁTH tow")

    @pytest.mark.parametrize("query", ["", "   ", "!", "…"])
    def test_blank_gives_none(self, shopper: Api, query: str) -> None:
        assert texts(shopper, query) == []

    def test_no_more_than_asked_for(self, shopper: Api) -> None:
        assert len(texts(shopper, "lam", first=2)) == 2

    @pytest.mark.parametrize(
        ("arguments", "field"),
        [
            ({"text": "x", "first": 0}, "first"),
            ({"text": "x", "first": 101}, "first"),
            ({"text": "x" * 201}, "query"),
            ({"text": "a\x00"}, "query"),
        ],
    )
    def test_bad_input_is_named(self, shopper: Api, arguments: dict[str, Any], field: str) -> None:
        error = shopper.error(SUGGESTIONS, **arguments)
        assert (error["code"], error["field"]) == ("BAD_USER_INPUT", field)

    def test_strangers_see_none(self, nobody: Api) -> None:
        assert nobody.error(SUGGESTIONS, text="lamp")["code"] == "UNAUTHENTICATED"

    def test_the_object_of_its_kind_and_no_other(self, shopper: Api) -> None:
        by_kind = {each["kind"]: each for each in shopper.graphql(OBJECTS, text="lam")["suggestions"]}
        none: dict[str, Any] = {"product": None, "category": None, "brand": None}
        category = {"slug": "lamps", "path": [{"name": "Lamps"}]}
        assert by_kind["CATEGORY"] == none | {"text": "Lamps", "kind": "CATEGORY", "category": category}
        assert by_kind["BRAND"] == none | {"text": "Lampard & Søn", "kind": "BRAND", "brand": {"slug": "lampard"}}
        product = by_kind["PRODUCT"]
        assert product | {"product": None} == none | {"text": product["text"], "kind": "PRODUCT"}
        assert product["product"]["category"] == {"name": "Lamps"}

    def test_what_went_before_it_was_read_is_left_out(self, shopper: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        def archive_in_between(ids: Any, **how: Any) -> list[Product]:
            Product.objects.filter(name="Floor lamp").update(is_active=False)
            return read_products(ids, **how)

        monkeypatch.setattr("catalog.schema.suggestions.read_products", archive_in_between)
        found = shopper.graphql(OBJECTS, text="lam")["suggestions"]
        assert "Floor lamp" not in [each["text"] for each in found]
        assert "Lamp shade" in [each["text"] for each in found]

    def test_typos(self, shopper: Api, each_engine: str) -> None:
        if each_engine == "tantivy":
            assert ("PRODUCT", "Bath towel") in texts(shopper, "bath towle")
            assert texts(shopper, "lampadr")[0] == ("BRAND", "Lampard & Søn")
            assert texts(shopper, "son")[0] == ("BRAND", "Lampard & Søn")


@pytest.mark.parametrize(
    ("name", "text", "level", "marked"),
    [
        ("Floor lamp", "lamp", STRICT, "Floor <mark>lamp</mark>"),
        ("Floor lamps", "LÁMP", STRICT, "Floor <mark>lamps</mark>"),
        ("Lámp & <b>", "lamp", STRICT, "<mark>Lámp</mark> &amp; &lt;b&gt;"),
        ("Mirror", "mirr", STRICT, "<mark>Mirror</mark>"),
        ("Mirror lamp", "mirr lamp", STRICT, "Mirror <mark>lamp</mark>"),
        ("Blue T-Shirt", "tshirt", STRICT, "Blue <mark>T</mark>-<mark>Shirt</mark>"),
        ("Blue T Shirt", "t-shirt", STRICT, "Blue <mark>T</mark> <mark>Shirt</mark>"),
        ("Blue tshirt", "t shirt", STRICT, "Blue <mark>tshirt</mark>"),
        ("Floor lamp", "lapm", STRICT, "Floor lamp"),
        ("Floor lamp", "lapm", TYPOS, "Floor <mark>lamp</mark>"),
        ("Møller", "moller", STRICT, "<mark>Møller</mark>"),
        ("Floor lamp", "loo", None, "<mark>Floor</mark> lamp"),
        ("Straße 🎉", "strasse 🎉", STRICT, "<mark>Straße</mark> <mark>🎉</mark>"),
        ("<mark>", "x", STRICT, "&lt;mark&gt;"),
    ],
)
def test_marks(name: str, text: str, level: MatchLevel | None, marked: str) -> None:
    assert Highlighter(text, level)(name) == marked


def test_an_edge_has_its_highlight(shopper: Api, each_engine: str) -> None:
    ProductFactory(name="Floor lamp & <shade>")
    query = "query($q: String) { products(search: $q) { edges { highlight } } }"
    assert shopper.graphql(query, q="lamp")["products"]["edges"] == [
        {"highlight": "Floor <mark>lamp</mark> &amp; &lt;shade&gt;"}
    ]
    assert shopper.graphql(query)["products"]["edges"] == [{"highlight": None}]
    assert shopper.graphql(query, q="  ")["products"]["edges"] == [{"highlight": None}]
