"""What the database engine finds for texts that people type, and in which order."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from catalog.category_tree import CategoryTree
from catalog.models import Brand, Category, Product
from catalog.search.criteria import Range, SearchCriteria, SortField
from catalog.search.pages import Page
from catalog.search.sql.engine import DatabaseEngine
from catalog.search.validation import SearchInput, parse_criteria
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _settings(settings: Settings) -> None:
    settings.SEARCH_ENGINE, settings.SEARCH_LANGUAGES = "database", ["en", "de", "es"]


def shop(*names: str, **values: Any) -> None:
    """Products with these names, in one category and of one brand."""
    category = Category.objects.first() or CategoryFactory(name="Things")
    brand = Brand.objects.first() or BrandFactory(name="Maker")
    for name in names:
        ProductFactory(name=name, category=category, brand=brand, **values)


def criteria_of(text: str, **more: Any) -> SearchCriteria:
    return parse_criteria(SearchInput(text=text, **more))


def names_for(text: str, **more: Any) -> list[str]:
    """The names of what is found, in order."""
    ids = DatabaseEngine().resolve(criteria_of(text, **more)).page(Page(100)).ids
    names = dict(Product.objects.values_list("id", "name"))
    return [names[pk] for pk in ids]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("rod uldtroje", "Rød uldtrøje"),
        ("aebleskiver", "Æbleskiver"),
        ("lancuch", "Łańcuch"),
        ("ISITICI", "Elektrikli ısıtıcı"),
        ("noeud", "Nœud papillon"),
        ("fussball", "Fußball"),
        ("ulpa", "Síð úlpa"),
        ("zerogravity", "Zero\u200bgravity hammock"),
        ("bicy\u00adcle", "Bicycle bell"),
        ("كودك", "دوچرخه کودک"),
        ("مظلة", "مظلـة مطـر"),
        ("الخيمة", "خيمة تخييم"),
        ("pencils 24", "Pencils, pack of ۲۴"),
        ("頭盔", "兒童頭盔藍色"),
        ("藍色頭盔", "兒童自行車頭盔藍色"),
        ("ブーツ", "防水ハイキングブーツ"),
        ("เดินป่า", "รองเท้าเดินป่ากันน้ำ"),
        ("등산화를", "방수등산화 남성용"),
        ("Fahrrad", "Kinderfahrrad"),
        ("lamps", "Floor lamp"),
        ("batteries", "Battery"),
        ("knife", "Two knives"),
        ("lápiz", "Lápices de colores"),
        ("t-shirt", "Plain tshirt"),
        ("40x60 cm", "Canvas, 40 × 60 cm"),
        ("4,5 x 70", "Screws 4.5 × 70 mm"),
        ("1/2 inch", 'Hose 0.5"'),
        ("c++", "Handbook of C++"),
    ],
)
def test_finds(text: str, name: str) -> None:
    shop("Something else", name)
    assert names_for(text) == [name]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("京都", ["京都の写真集", "東京都市地図"]),
        ("lamp", ["Lamp", "Lamp, brass", "Brass lamp", "Lampshade"]),
        ("shorts", ["Running shorts", "Short cable"]),
        ("eis", ["Form für Eis am Stiel", "Basmatireis"]),
        ("2kg", ["Dog food, 2 kg", "Dog food, 12 kg"]),
        ("stud 2x4", ["Stud 2 × 4", "Stud 4 by 2"]),
        ('27"', ["Monitor 27 inch", "Monitor for 27 keys"]),
        ("wolves", ["Grey wolves", "Wolf"]),
    ],
)
def test_the_best_come_first(text: str, names: list[str]) -> None:
    shop(*names[::-1])
    assert names_for(text) == names


@pytest.mark.parametrize("text", ["\u200b", "\u00ad", "\u2060\ufeff", "\u3164", "\u200d \ufe0f", "\ue000", "!?"])
def test_nothing_visible_finds_nothing(text: str) -> None:
    shop("Lamp")
    assert names_for(text) == []


def test_a_name_comes_before_a_brand_or_category_and_a_description_last() -> None:
    category, brand = CategoryFactory(name="Oak"), BrandFactory(name="Oak & Sons")
    ProductFactory(name="Described", description="Solid oak")
    ProductFactory(name="In the category", category=category)
    ProductFactory(name="Of the brand", brand=brand)
    ProductFactory(name="Table of oak")
    assert names_for("oak") == ["Table of oak", "In the category", "Of the brand", "Described"]


class TestSKUs:
    """As they are, and without what divides them."""

    @pytest.fixture(autouse=True)
    def _shop(self) -> None:
        for sku in ("LMP-10", "LMP-1", "TNT-D200-GRN"):
            ProductFactory(name=f"Product {sku[:3]}", slug=sku.lower(), sku=sku)

    @pytest.mark.parametrize(
        ("text", "slugs"),
        [
            ("LMP-1", ["lmp-1", "lmp-10"]),
            ("lmp1", ["lmp-1"]),
            ("tntd200grn", ["tnt-d200-grn"]),
            ("d200", ["tnt-d200-grn"]),
        ],
    )
    def test_are_found(self, text: str, slugs: list[str]) -> None:
        ids = DatabaseEngine().resolve(criteria_of(text)).page(Page(10)).ids
        assert [Product.objects.get(pk=pk).slug for pk in ids] == slugs

    @pytest.mark.parametrize(
        ("words", "slugs"),
        [
            (["tnt"], ["tnt-d200-grn"]),
            (["tnt-d200"], ["tnt-d200-grn"]),
            (["tntd2"], ["tnt-d200-grn"]),
            (["lmp", "1"], ["lmp-1", "lmp-10"]),
            (["d200"], []),
            (["tn"], []),
        ],
    )
    def test_are_completed(self, words: list[str], slugs: list[str]) -> None:
        # The name of TNT… does not hold "tnt-d200", and all hold "tnt".
        Product.objects.update(name_key="x", search_text="x\n\n")
        assert [suggestion.slug for suggestion in DatabaseEngine().suggest(words, 8)] == slugs


class TestFewHits:
    """Products that lack some words fill up what has all words."""

    @pytest.fixture(autouse=True)
    def _shop(self, settings: Settings) -> None:
        settings.SEARCH_MIN_HITS = 3
        shop("Dome tent", "Green tunnel tent", "Green dome", "Lamp", "Chair")

    def test_come_after_the_others(self) -> None:
        assert names_for("green tent lamp") == ["Green tunnel tent", "Dome tent", "Green dome", "Lamp"]
        assert names_for("green tent") == ["Green tunnel tent", "Dome tent", "Green dome"]

    def test_only_as_many_words_as_needed_may_lack(self, settings: Settings) -> None:
        settings.SEARCH_MIN_HITS = 1
        assert names_for("green tent lamp") == ["Green tunnel tent"]

    def test_total_facets_and_pages_tell_of_the_same_products(self) -> None:
        search = DatabaseEngine().resolve(criteria_of("green tent lamp"))
        assert search.total() == 4
        assert sum(count for _, count, _ in search.facets(CategoryTree.load).categories(5)) == 4
        criteria, page, pages = criteria_of("green tent lamp"), Page(1), []
        while True:
            hits = DatabaseEngine().resolve(criteria, page.position).page(page)
            pages += hits.ids
            if not hits.has_next:
                break
            page = Page(1, position=hits.positions[-1])
        assert len(set(pages)) == len(pages) == 4

    def test_a_filter_does_not_decide_the_level(self) -> None:
        Product.objects.update(price=Decimal(10))
        Product.objects.filter(name="Lamp").update(price=Decimal(99))
        assert names_for("green tent lamp", price=Range(Decimal(90))) == ["Lamp"]
        assert names_for("green tent", price=Range(Decimal(90))) == []

    def test_many_words_are_bounded(self) -> None:
        text = " ".join(f"x{n}" for n in range(49))
        assert names_for(f"lamp {text}") == ["Lamp"]
        # Only the first ten words may be missing or not.
        assert names_for(f"{text} lamp") == []


class TestSortedByPrice:
    """Weak matches would come first anywhere."""

    def test_descriptions_count_only_when_nothing_else_matches(self) -> None:
        shop("Plate", description="Goes with a bowl", price=Decimal(1))
        shop("Blue bowl", price=Decimal(5))
        shop("Bowl", price=Decimal(3))
        assert names_for("bowl", sort=SortField.PRICE) == ["Bowl", "Blue bowl"]
        assert names_for("goes", sort=SortField.PRICE) == ["Plate"]
        search = DatabaseEngine().resolve(criteria_of("bowl", sort=SortField.PRICE))
        assert search.total() == 2
        assert DatabaseEngine().resolve(criteria_of("goes", sort=SortField.PRICE)).total() == 1
        facets = DatabaseEngine().resolve(criteria_of("bowl", sort=SortField.PRICE)).facets(CategoryTree.load)
        assert facets.in_stock() == 2

    def test_only_what_has_the_most_words_is_listed(self) -> None:
        shop("Blue bowl", "Green bowl", "Blue plate")
        assert names_for("blue bowl", sort=SortField.NAME) == ["Blue bowl"]
        assert names_for("green plate", sort=SortField.NAME) == ["Blue plate", "Green bowl"]


def test_a_page_costs_as_many_queries_at_1_row_as_at_100(settings: Settings) -> None:
    settings.SEARCH_MIN_HITS = 5
    shop(*(f"Blue bowl {number}" for number in range(30)))
    for text, more in (("blue bowl", {}), ("blue spoon", {}), ("blue bowl", {"sort": SortField.PRICE})):
        costs = []
        for size in (1, 100):
            with CaptureQueriesContext(connection) as queries:
                DatabaseEngine().resolve(criteria_of(text, **more)).page(Page(size))
            costs.append(len(queries))
        assert costs[0] == costs[1] <= 4
