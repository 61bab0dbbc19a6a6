"""Slugs in every script: made from names, given by hand, looked up by GraphQL and REST."""

import re
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils.text import slugify
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.attributes.ordering import value_key
from catalog.models import SLUG_LENGTH, Brand, Category, Product
from catalog.slugs import MAX_NORMALIZED_LENGTH, normal_form, shortened, slug_of, validate_slug
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from catalog.text import fold, plain
from core.tests.clients import Api

NAMES = [
    ("Red lamp, 50%!", "red-lamp-50"),
    ("हिन्दी किताब", "हिन्दी-किताब"),
    ("ภาษาไทย น้ำ", "ภาษาไทย-น้ำ"),
    ("தமிழ் புத்தகம்", "தமிழ்-புத்தகம்"),
    ("বাংলা বই", "বাংলা-বই"),
    ("ພາສາລາວ ນ້ຳ", "ພາສາລາວ-ນ້ຳ"),
    ("ខ្មែរ", "ខ្មែរ"),
    ("မြန်မာ", "မြန်မာ"),
    ("ශ්\u200dරී ලංකා", "ශ්\u200dරී-ලංකා"),
    ("کتاب\u200cخانه", "کتاب\u200cخانه"),
    ("מְנוֹרָה", "מְנוֹרָה"),
    ("مِصْبَاح", "مِصْبَاح"),
    ("Ẹ̀kọ́ Yorùbá", "ẹ̀kọ́-yorùbá"),
    ("cafe\u0301 Été", "café-été"),
    ("J\u030cungle", "ǰungle"),
    ("İstanbul", "istanbul"),
    ("ﬁne ＡＢＣ", "fine-abc"),
    ("Red ❤\ufe0f lamp", "red-lamp"),
    ("1\ufe0f\u20e3 two", "1-two"),
    ("a☕\u0301b", "ab"),
    ("\u0301abc - \u0301d", "abc-d"),
    ("a\u200cb c\u200d", "ab-c"),
    ("a\u00adb\u034fc\u2060d", "abcd"),
    ("👨\u200d👩\u200d👧 !", ""),
    ("\u0301\u093e", ""),
]
MARKED = [slug for _, slug in NAMES if any(unicodedata.category(c)[0] in "MC" for c in slug)]


@pytest.mark.parametrize(("name", "slug"), NAMES, ids=ascii)
def test_a_slug_keeps_the_letters_and_their_marks(name: str, slug: str) -> None:
    assert slug_of(name) == unicodedata.normalize("NFC", slug)


@given(st.text(max_size=60))
@settings(deadline=None)
def test_a_made_slug_is_valid_and_in_normal_form(name: str) -> None:
    slug = slug_of(name)
    if slug:
        validate_slug(slug)
        assert slug_of(slug) == normal_form(slug) == slug
    for length in (1, 2, 5):
        if short := shortened(slug, length):
            assert len(short) <= length
            validate_slug(short)


@given(st.text(st.characters(exclude_categories=["M", "Cf", "Cs"]), max_size=60))
@settings(deadline=None)
def test_a_name_without_marks_and_spelled_signs_has_the_slug_of_earlier_versions(name: str) -> None:
    lowered = unicodedata.normalize("NFKC", name).lower()
    if re.search(r"[+#♯]|[0-9][.,/:⁄][0-9]|[0-9][¼-¾⅐-⅞]", unicodedata.normalize("NFKC", name) + name):
        return
    if not any(unicodedata.category(c)[0] == "M" for c in lowered):
        assert slug_of(name) == slugify(name, allow_unicode=True)


def test_a_slug_is_not_cut_within_a_letter() -> None:
    assert shortened("किताब", 4) == "किता"
    assert shortened("किताब", 3) == "कि"
    assert shortened("ab-cd", 3) == "ab"
    assert shortened("a" + "\u0301" * 300, SLUG_LENGTH) == ""


@pytest.mark.parametrize(
    "slug",
    [
        "",
        "a b",
        "a/b",
        "a.b",
        "\u0301a",
        "a-\u0301b",
        "a_\u0301",
        "a\u200cb",
        "क्\u200d",
        "\u200cخ",
        "a\ufe0f",
        "❤",
        "a\u00ad",
        "a\n",
    ],
    ids=ascii,
)
def test_an_invalid_slug_is_refused(slug: str) -> None:
    with pytest.raises(ValidationError):
        validate_slug(slug)


CREATE = """mutation($input: ProductCreateInput!) {
    productCreate(input: $input) { product { slug } errors { code field message } } }"""
FIND = "query($slug: String!) { product(slug: $slug) { slug } }"


@pytest.mark.django_db
@pytest.mark.parametrize("slug", MARKED, ids=ascii)
def test_a_slug_with_marks_can_be_given_and_looked_up_everywhere(staff: Api, shopper: Api, slug: str) -> None:
    category, brand = CategoryFactory(slug=slug), BrandFactory(slug=slug)
    fields = {"name": "Lamp", "slug": unicodedata.normalize("NFD", slug), "price": "1", "category": slug, "brand": slug}
    made = staff.graphql(CREATE, input=fields)["productCreate"]
    assert made == {"product": {"slug": slug}, "errors": []}
    again = staff.graphql(CREATE, input=fields)["productCreate"]
    assert (again["product"], again["errors"][0]["code"]) == (None, "ALREADY_EXISTS")
    for form in ("NFC", "NFD"):
        asked = unicodedata.normalize(form, slug)
        assert shopper.graphql(FIND, slug=asked)["product"] == {"slug": slug}
        response = shopper.client.get(f"/api/v1/products/{quote(asked)}/", headers=shopper.headers)
        assert (response.status_code, response.json()["slug"]) == (200, slug)
        found = shopper.get("products/search/", category=asked, brand=asked).json()
        assert [product["slug"] for product in found["results"]] == [slug]
        query = "query($s: [String!]) { products(filter: {category: $s, brand: $s}) { nodes { slug } } }"
        assert shopper.graphql(query, s=[asked])["products"]["nodes"] == [{"slug": slug}]
        assert shopper.graphql("query($s: String) { categories(parent: $s) { slug } }", s=asked)["categories"] == []
    category.full_clean()
    brand.full_clean()


@pytest.mark.django_db
def test_every_way_to_create_a_product_makes_a_slug_with_marks(staff: Api, tmp_path: Path) -> None:
    place: dict[str, Any] = {"category": CategoryFactory().slug, "brand": BrandFactory().slug}
    made = staff.graphql(CREATE, input={"name": "हिन्दी किताब", "price": "1", **place})["productCreate"]
    assert made["product"] == {"slug": "हिन्दी-किताब"}
    path = tmp_path / "products.csv"
    path.write_text("name,price,category,brand\nภาษาไทย,1,น้ำ,தமிழ்\n", encoding="utf-8")
    call_command("import_products", str(path))
    assert Product.objects.get(name="ภาษาไทย").slug == "ภาษาไทย"
    assert Category.objects.get(name="น้ำ").slug == "น้ำ"
    assert Brand.objects.get(name="தமிழ்").slug == "தமிழ்"


@pytest.mark.django_db
def test_slugs_of_earlier_versions_are_found(shopper: Api) -> None:
    # NFC would make other characters of these: an Ångström sign, a compatibility ideograph.
    for slug in ("\u212bngstrom", "\uf900", "हनद"):
        ProductFactory(slug=slug).full_clean()
        assert shopper.graphql(FIND, slug=slug)["product"] == {"slug": slug}


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Cable 1.5 m", "cable-1-5-m"),
        ("Cable 1,5 m", "cable-1-5-m"),
        ('Pipe 1/2"', "pipe-1-2"),
        ("Pipe 1½ in", "pipe-1-1-2-in"),
        ("C++ and C#", "c-plus-plus-and-c-sharp"),
        ("Prelude in F♯", "prelude-in-f-sharp"),
        ("Room #5", "room-number-5"),
        ("A+", "a-plus"),
        ("16:9", "16-9"),
    ],
)
def test_signs_that_tell_names_apart_are_kept(name: str, slug: str) -> None:
    assert slug_of(name) == slug


HUGE = "a" + "\u0323\u0301\u0327\u0345\u0328" * 60_000


@pytest.mark.parametrize("normalised", [slug_of, plain, fold, value_key])
def test_a_huge_text_of_marks_is_bounded(normalised):
    """Normalised at once, its marks would be put in order for ten minutes."""
    assert len(normalised(HUGE)) <= MAX_NORMALIZED_LENGTH


@given(st.text(st.characters(categories=["Mn", "Mc", "Ll", "Lo", "Nd"]), max_size=700))
def test_texts_are_folded_the_same_whole_and_piece_by_piece(text):
    whole = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    assert fold(text) == whole
