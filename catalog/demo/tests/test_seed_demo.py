"""`manage.py seed_demo`: a believable shop, the same on every run, which changes nothing that exists."""

import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from unicodedata import is_normalized

import pytest
from django.conf import settings as project
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command
from django.db.models import Count, Model
from pytest_django import DjangoAssertNumQueries, Settings

from catalog.demo.generator import DemoBrand, DemoCategory, DemoProduct, _read, demo_catalogue
from catalog.demo.seed import seed_demo
from catalog.models import Attribute, AttributeValue, Brand, Category, Product, ProductAttribute, ProductGroup

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("seed_demo", *arguments, stdout=out)
    return out.getvalue()


def everything() -> list[list[dict[str, Any]]]:
    """All rows as they are, updated_at included."""
    models: list[type[Model]] = [Category, Brand, Product, get_user_model()]
    models += [Attribute, AttributeValue, ProductAttribute, ProductGroup]
    return [list(model._default_manager.order_by("id").values()) for model in models]


@pytest.mark.usefixtures("demo_shop")
class TestSeededShop:
    def test_the_shop_is_as_large_as_promised(self) -> None:
        assert Product.objects.count() >= 240
        assert Category.objects.count() >= 25
        assert Brand.objects.count() >= 20

    def test_the_tree_has_three_levels_and_products_lie_in_every_leaf(self) -> None:
        leaves = Category.objects.filter(children=None).annotate(stocked=Count("products"))
        third_level = leaves.filter(parent__parent__isnull=False, parent__parent__parent=None)
        assert Category.objects.filter(parent=None).count() >= 5
        assert set(leaves) == set(third_level)
        assert all(leaf.stocked >= 4 for leaf in leaves)
        assert not Product.objects.filter(category__children__isnull=False).exists()

    def test_every_brand_has_products(self) -> None:
        assert not Brand.objects.filter(products=None).exists()

    def test_every_row_passes_the_models_own_checks(self) -> None:
        for model, relations in ((Category, ["parent"]), (Brand, []), (Product, ["category", "brand"])):
            for row in model.objects.all():
                row.clean_fields(exclude=relations)

    def test_stored_keys_are_those_that_save_would_write(self) -> None:
        for product in Product.objects.all():
            stored = product.name_key, product.search_text
            product.fill_keys()
            assert (product.name_key, product.search_text) == stored

    def test_what_is_stored_is_what_was_made(self) -> None:
        stored = Product.objects.order_by("id").values_list(
            "slug", "sku", "description", "category__slug", "brand__slug", "price", "quantity", "rating", "created_at"
        )
        assert list(stored) == [
            (p.slug, p.sku, p.description, p.category_slug, p.brand_slug, p.price, p.quantity, p.rating, p.created_at)
            for p in demo_catalogue().products
        ]

    def test_an_edited_product_survives(self) -> None:
        product = Product.objects.get(slug="linea-tv-unit-in-walnut")
        product.name, product.price, product.quantity, product.is_active = "Our TV unit", Decimal("1.00"), 77, False
        product.save()
        before = everything()
        run()
        assert everything() == before

    def test_a_product_under_a_new_slug_is_not_made_again(self) -> None:
        Product.objects.filter(slug="linea-tv-unit-in-walnut").update(slug="tv-unit-walnut")
        before = everything()
        run()
        assert everything() == before

    def test_moved_and_renamed_categories_and_brands_stay(self) -> None:
        Category.objects.filter(slug="lighting").update(parent=Category.objects.get(slug="décor"), name="Lamps")
        Category.objects.filter(slug="mugs").update(slug="cups")
        Brand.objects.filter(slug="saltmarsh").update(slug="saltmarsh-bathing", name="Saltmarsh Bathing")
        before = everything()
        run()
        assert everything() == before

    def test_a_deleted_product_comes_back_where_the_shopkeeper_put_its_category(self) -> None:
        Category.objects.filter(slug="tv-units").update(parent=None, name="Television")
        Product.objects.filter(category__slug="tv-units").delete()
        assert "7 products, 0 categories, 0 brands added" in run()
        assert Category.objects.get(slug="tv-units").parent is None


def test_the_catalogue_is_written() -> None:
    said = run()
    catalogue = demo_catalogue()
    assert Product.objects.count() == len(catalogue.products)
    assert said.startswith(
        f"Demo catalogue: {len(catalogue.products)} products, {len(catalogue.categories)} categories, "
        f"{len(catalogue.brands)} brands"
    )


def test_prices_are_spread_and_end_like_prices() -> None:
    prices = [product.price for product in demo_catalogue().products]
    assert min(prices) < 5
    assert max(prices) >= 1500
    for low, high in ((0, 20), (20, 50), (50, 100), (100, 300), (300, 800), (800, 2000)):
        assert sum(low <= price < high for price in prices) >= 20
    assert {price % 1 for price in prices} <= {Decimal(f"0.{cents}") for cents in ("00", "50", "90", "95")}


def test_stock_has_gaps_last_units_and_hundreds() -> None:
    quantities = [product.quantity for product in demo_catalogue().products]
    assert quantities.count(0) >= 10
    assert sum(0 < quantity < 5 for quantity in quantities) >= 20
    assert sum(quantity >= 100 for quantity in quantities) >= 40


def test_ratings_are_tenths_mostly_good_and_some_are_missing() -> None:
    ratings = [product.rating for product in demo_catalogue().products]
    rated = [rating for rating in ratings if rating is not None]
    assert 0.08 <= ratings.count(None) / len(ratings) <= 0.16
    assert sum(3.6 <= rating <= 4.8 for rating in rated) / len(rated) > 0.7
    assert min(rated) < 2
    assert max(rated) == 5
    assert all(rating == round(rating, 1) and 0 <= rating <= 5 for rating in rated)


def test_dates_are_spread_over_the_two_years_before_a_fixed_day() -> None:
    last_day = datetime(2026, 9, 30, tzinfo=UTC)
    dates = [product.created_at for product in demo_catalogue().products]
    assert all(last_day - timedelta(days=731) < date < last_day for date in dates)
    assert len({(date.year, date.month) for date in dates}) >= 23


def test_names_slugs_and_skus_are_distinct_and_some_have_no_sku() -> None:
    products = demo_catalogue().products
    skus = [product.sku for product in products if product.sku]
    for values in (skus, [p.slug for p in products], [p.name.casefold() for p in products]):
        assert [value for value, count in Counter(values).items() if count > 1] == []
    assert all(re.fullmatch(r"[A-Z]{3}-\d{4}-[A-Z0-9]+", sku) for sku in skus)
    assert 5 <= len(products) - len(skus) <= 30


def test_a_few_products_are_archived_and_sold_out() -> None:
    archived = [product for product in demo_catalogue().products if not product.is_active]
    assert len(archived) == 3
    assert all(product.quantity == 0 for product in archived)


def test_descriptions_are_two_to_four_whole_sentences() -> None:
    for product in demo_catalogue().products:
        assert 2 <= len(re.findall(r"\.(?=\s|$)", product.description)) <= 4, product.description
        assert product.description.endswith("."), product.description
        assert not re.search(r"[{}]|\s\s|\.\.", product.name + product.description)


def test_the_words_have_no_leftovers() -> None:
    lines = [line for file in _product_files() for of_leaf in _read(file).values() for line in of_leaf]
    variants = {variant for line in lines for variant in line["prices"]}
    assert set(_read("tones.toml")) <= variants
    care, leaves = {line.get("care") for line in lines}, {leaf for file in _product_files() for leaf in _read(file)}
    assert set(_read("care.toml")) <= care
    assert set(_read("attributes.toml")["shared"]) <= care | leaves
    assert all(set(line.get("archived", ())) <= set(line["prices"]) for line in lines)


@pytest.mark.parametrize("word", ["T-light holder", "TV unit", "Crêpe pan", "L-shaped", "non-stick", "Café"])
def test_there_is_something_to_search_for(word: str) -> None:
    assert any(word in product.name for product in demo_catalogue().products)


def test_accents_are_composed() -> None:
    catalogue = demo_catalogue()
    assert {"Décor"} <= {category.name for category in catalogue.categories}
    assert {"Atelier Bréhat", "Møllegård"} <= {brand.name for brand in catalogue.brands}
    rows: list[DemoCategory | DemoBrand | DemoProduct] = [*catalogue.categories, *catalogue.brands, *catalogue.products]
    assert all(is_normalized("NFC", row.name + row.slug) for row in rows)


@pytest.mark.slow
def test_two_processes_make_the_same_bytes() -> None:
    script = (
        "import django; django.setup()\n"
        "from catalog.demo.generator import demo_catalogue\n"
        "import hashlib; print(hashlib.sha256(repr(demo_catalogue()).encode()).hexdigest())"
    )

    def digest(hash_seed: str, time_zone: str) -> str:
        environment = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "TZ": time_zone,
            "DJANGO_SETTINGS_MODULE": "core.settings",
        }
        return subprocess.run(  # noqa: S603
            [sys.executable, "-c", script],
            env=environment,
            cwd=project.BASE_DIR,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    first = digest("1", "UTC")
    assert len(first.strip()) == 64
    assert digest("2", "Pacific/Auckland") == first


def test_a_second_run_changes_nothing(settings: Settings) -> None:
    settings.DEBUG = True
    run()
    before = everything()
    assert "0 products, 0 categories, 0 brands added" in run()
    assert everything() == before


def test_it_fills_up_a_shop_that_sells_other_things() -> None:
    other = Category.objects.create(name="Lighting", slug="lighting")
    brand = Brand.objects.create(name="Elsewhere", slug="elsewhere")
    own = Product.objects.create(name="Own lamp", slug="own-lamp", category=other, brand=brand, price=1)
    run()
    assert Product.objects.count() == len(demo_catalogue().products) + 1
    assert Product.objects.get(slug="own-lamp").updated_at == own.updated_at
    assert Category.objects.get(slug="floor-lamps").parent == other
    assert Category.objects.get(slug="lighting").parent is None


def test_a_run_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Product, "fill_keys", lambda self: (_ for _ in ()).throw(RuntimeError("power cut")))
    with pytest.raises(RuntimeError, match="power cut"):
        seed_demo(with_accounts=True)
    assert not any(everything())


def test_with_debug_it_makes_the_two_accounts(settings: Settings) -> None:
    settings.DEBUG = True
    assert "shopper@example.com, staff@example.com, password vitrine-demo" in run()
    shopper = authenticate(username="shopper@example.com", password="vitrine-demo")
    staff = authenticate(username="staff@example.com", password="vitrine-demo")
    assert shopper is not None
    assert staff is not None
    assert (shopper.is_staff, shopper.is_superuser) == (False, False)
    assert (staff.is_staff, staff.is_superuser, staff.groups.get().name) == (True, True, "Shop staff")


def test_without_debug_there_are_no_accounts_and_it_says_so(settings: Settings) -> None:
    settings.DEBUG = False
    assert "DEBUG is off: no demo accounts were created." in run()
    assert not get_user_model().objects.exists()


def test_an_existing_account_is_left_alone(settings: Settings) -> None:
    settings.DEBUG = True
    get_user_model().objects.create_user("Staff@Example.com", "their-own-password")
    assert "Demo accounts: shopper@example.com, password" in run()
    theirs = authenticate(username="staff@example.com", password="their-own-password")
    assert theirs is not None
    assert theirs.email == "Staff@Example.com"
    assert not theirs.is_staff


def test_if_empty_fills_an_empty_shop(settings: Settings) -> None:
    settings.DEBUG = True
    run("--if-empty")
    assert Product.objects.count() == len(demo_catalogue().products)
    assert get_user_model().objects.count() == 2


def test_if_empty_does_nothing_when_any_product_exists(settings: Settings) -> None:
    settings.DEBUG = True
    category = Category.objects.create(name="Lamps", slug="lamps")
    brand = Brand.objects.create(name="Own", slug="own")
    Product.objects.create(name="Lamp", slug="lamp", category=category, brand=brand, price=1, is_active=False)
    before = everything()
    assert run("--if-empty") == "The catalogue has products already: nothing was changed.\n"
    assert everything() == before


def test_it_costs_a_bounded_number_of_queries(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_max_num_queries(450):
        run()
    with django_assert_max_num_queries(20):
        run()


def _product_files() -> list[Path]:
    return sorted((project.BASE_DIR / "catalog/demo/products").glob("*.toml"))
