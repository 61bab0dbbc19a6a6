"""Carts in the admin, and the deletion of products that are in carts."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cart.models import Cart
from cart.tests.documents import add, held, read
from cart.tests.merging import Guest
from catalog.bulk import jobs as bulk
from catalog.models import Product
from catalog.tests.factories import ProductFactory
from core.tests.clients import Api
from users.tests.factories import UserFactory

CARTS = "/admin/cart/cart/"
PRODUCTS = "/admin/catalog/product/"


@pytest.fixture
def lamp(db):
    return ProductFactory(name="Lamp", price="19.99")


class TestCarts:
    def test_lists_and_shows_carts(self, admin_client, lamp):
        user = UserFactory(email="ann@example.com")
        add(Api(user), (lamp, 3), (ProductFactory(), 1))
        page = admin_client.get(CARTS, {"q": "ann"})
        row = page.context["cl"].result_list[0]
        assert (row.user, row.line_count, row.unit_count) == (user, 2, 4)
        assert not admin_client.get(CARTS, {"q": "bob"}).context["cl"].result_list
        text = admin_client.get(f"{CARTS}{user.pk}/change/").content.decode()
        for shown in ("Lamp", "59.97", "19.99", "EUR for 4 units", "ann@example.com"):
            assert shown in text
        assert f'<a href="{PRODUCTS}{lamp.pk}/change/">Lamp</a>' in text
        assert "_save" not in text

    def test_a_guests_cart_says_so(self, admin_client, shopper, lamp, settings):
        settings.GUEST_CARTS = True
        add(shopper, (lamp, 1))
        add(Guest(), (lamp, 2))
        page = admin_client.get(CARTS).content.decode()
        assert page.count(">a guest</a>") == 1
        key = Cart.objects.get(user=None).pk
        text = admin_client.get(f"{CARTS}{key}/change/").content.decode()
        for shown in ("a guest", f"Guest cart {-key}", "Lamp", "EUR for 2 units"):
            assert shown in text
        assert not admin_client.get(CARTS, {"q": "guest"}).context["cl"].result_list

    def test_the_sum_is_of_what_can_be_bought(self, admin_client, shopper, lamp):
        Product.objects.update(quantity=100)
        add(shopper, (lamp, 100), (ProductFactory(price="5.00"), 1), (ProductFactory(price="7.00"), 2))
        Product.objects.filter(price="5.00").update(is_active=False)
        Product.objects.filter(price="19.99").update(price="1019.99")
        page = admin_client.get(f"{CARTS}{Cart.objects.get().pk}/change/").content.decode()
        assert "102,013.00 EUR for 103 units, without 1 that cannot be bought now" in page
        assert "102,013.00 EUR" in admin_client.get(CARTS).content.decode()
        assert "19.99 when it was added" in page
        assert "archived" in page

    def test_nothing_can_be_written(self, admin_client, shopper, lamp):
        add(shopper, (lamp, 1))
        key = Cart.objects.get().pk
        for path in (f"{CARTS}add/", f"{CARTS}{key}/delete/"):
            assert admin_client.get(path).status_code == 403
            assert admin_client.post(path, {"post": "yes"}).status_code == 403
        assert admin_client.post(f"{CARTS}{key}/change/", {"version": 9}).status_code == 403
        assert b"delete_selected" not in admin_client.get(CARTS).content
        assert Cart.objects.get().version == 1

    def test_costs_the_same_queries_at_1_and_at_20_rows(self, admin_client, lamp):
        rug = ProductFactory()
        first = Api(UserFactory())
        add(first, (lamp, 1))
        pages = (CARTS, f"{CARTS}{Cart.objects.get().pk}/change/")

        def cost(page):
            with CaptureQueriesContext(connection) as made:
                assert admin_client.get(page).status_code == 200
            return len(made)

        warm, before = ([cost(page) for page in pages] for _ in range(2))
        assert warm >= before
        add(first, (rug, 1))
        for _ in range(19):
            add(Api(UserFactory()), (lamp, 1), (rug, 1))
        assert [cost(page) for page in pages] == before

    @pytest.mark.parametrize("term", ["\0", "'", "%", "a" * 10_000, "🛋"])
    def test_nonsense_in_the_search_box_is_no_server_error(self, admin_client, term):
        assert admin_client.get(CARTS, {"q": term}).status_code == 200


class TestProductsInCarts:
    def test_a_product_in_a_cart_cannot_be_deleted(self, admin_client, shopper, staff, lamp):
        add(shopper, (lamp, 1))
        text = admin_client.post(f"{PRODUCTS}{lamp.pk}/delete/", {"post": "yes"}).content.decode()
        assert "1 cart line: archive the product instead" in text
        add(staff, (lamp, 1))
        action = {"action": "delete_selected", "_selected_action": [lamp.pk, ProductFactory().pk], "post": "yes"}
        assert "2 cart lines: archive" in admin_client.post(PRODUCTS, action).content.decode()
        assert Product.objects.count() == 2
        assert held(read(shopper)) == {"Lamp": 1}

    def test_a_product_in_no_cart_can_be_deleted(self, admin_client, lamp):
        assert admin_client.post(f"{PRODUCTS}{lamp.pk}/delete/", {"post": "yes"}).status_code == 302
        assert not Product.objects.exists()

    @pytest.mark.parametrize("many", [True, False])
    def test_a_product_added_to_a_cart_meanwhile_is_not_deleted(self, admin_client, shopper, lamp, many):
        """The page's own look finds no line; right after it there is one."""
        waiting = [lamp]

        def meanwhile(execute, sql, *arguments):
            result = execute(sql, *arguments)
            if "cart_cartline" in sql and "COUNT" in sql and waiting:
                add(shopper, (waiting.pop(), 1))
                # A page that is run again has undone this, too.
                waiting.append(lamp)
            return result

        action = {"action": "delete_selected", "_selected_action": [lamp.pk], "post": "yes"}
        path = PRODUCTS if many else f"{PRODUCTS}{lamp.pk}/delete/"
        with connection.execute_wrapper(meanwhile):
            page = admin_client.post(path, action if many else {"post": "yes"}, follow=True)
        assert "something else has just started to use it" in page.content.decode()
        assert Product.objects.exists()

    def test_archiving_leaves_it_in_carts(self, admin_client, shopper, lamp):
        add(shopper, (lamp, 1))
        form = {"action": "archive", "_selected_action": [lamp.pk]}
        page = admin_client.post(PRODUCTS, form, follow=True)
        admin_client.post(page.redirect_chain[-1][0], {"confirm": "", "version": "0"})
        bulk.work()
        assert read(shopper)["lines"][0]["availability"] == "UNAVAILABLE"
