"""Attributes and the group in a product's page of the admin, and adding a variant."""

import re
from decimal import Decimal
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.attributes.models import Attribute, AttributeValue, ProductAttribute, ProductGroup
from catalog.models import IndexChange, Product
from catalog.tests.test_admin import PRODUCTS, errors_of, form_of
from catalog.tests.test_admin_attributes import give, product, texts
from core.tests.actors import holder, state

pytestmark = pytest.mark.django_db


@pytest.fixture
def attributes():
    """One of each kind, by slug."""
    rows = [
        Attribute.objects.create(name="Colour", slug="colour"),
        Attribute.objects.create(name="Width", slug="width", kind="NUMBER", unit="cm"),
        Attribute.objects.create(name="Washable", slug="washable", kind="BOOLEAN"),
    ]
    return {row.slug: row for row in rows}


def rows_form(*rows):
    """What the rows of attributes post."""
    form = {"attribute_rows-TOTAL_FORMS": len(rows), "attribute_rows-INITIAL_FORMS": 0}
    for n, (attribute, text) in enumerate(rows):
        pk = Attribute.objects.get(slug=attribute).pk if attribute.isalpha() else attribute
        form |= {f"attribute_rows-{n}-attribute": pk, f"attribute_rows-{n}-text": text}
    return form


def product_form(row, *rows, **changes):
    fields = {"name": row.name, "slug": row.slug, "category": row.category_id, "brand": row.brand_id}
    form = {**form_of(**fields), "group": row.group_id or "", **rows_form(*rows), **changes}
    # The page says what it showed of a date that has a default.
    return {**form, **{f"initial-{name}": form[name] for name in ("created_at_0", "created_at_1")}}


def seen_by(page):
    """What a page tells the server that it showed, in hidden fields."""
    hidden = re.findall(
        r'<input type="hidden" name="(initial-[^"]*|[^"]*-SEEN)" value="([^"]*)"', page.content.decode()
    )
    return {name: unescape(value) for name, value in hidden}


def formset(response):
    inlines = response.context["inline_admin_formsets"]
    return next(inline.formset for inline in inlines if inline.opts.model is ProductAttribute)


def shown_rows(response):
    """The rows that a page shows, without the empty one at their end."""
    return [(form.initial.get("attribute"), form.initial.get("text")) for form in formset(response).forms[:-1]]


def path_of(row):
    return f"{PRODUCTS}{row.pk}/change/"


class TestRows:
    def test_are_written_by_kind(self, admin_client, attributes):
        lamp = product("Lamp")
        rows = [("colour", " dark   red "), ("colour", "blue"), ("width", "40.50"), ("washable", "YES"), ("", "")]
        assert admin_client.post(path_of(lamp), product_form(lamp, *rows)).status_code == 302
        assert texts(lamp) == {"colour": {"dark red", "blue"}, "width": {"40.5"}, "washable": {"Yes"}}
        assert ("product", lamp.pk) in IndexChange.objects.values_list("kind", "key")

    def test_come_with_a_new_product(self, admin_client, attributes):
        lamp = product("Lamp")
        form = product_form(lamp, ("width", "40"), slug="other")
        assert admin_client.post(f"{PRODUCTS}add/", form).status_code == 302
        assert texts(Product.objects.get(slug="other")) == {"width": {"40"}}

    def test_saved_as_they_are_shown_write_nothing(self, admin_client, attributes):
        lamp = product("Lamp", colour=["red", "blue"], width=40, washable=False)
        page = admin_client.get(path_of(lamp))
        keys = {pk: slug for slug, pk in ((row.slug, row.pk) for row in attributes.values())}
        rows = [(keys[pk], text) for pk, text in shown_rows(page)]
        assert rows == [("colour", "blue"), ("colour", "red"), ("washable", "No"), ("width", "40")]
        admin_client.post(path_of(lamp), product_form(lamp, *rows))
        before = state(Product, ProductAttribute, AttributeValue, IndexChange)
        assert admin_client.post(path_of(lamp), product_form(lamp, *rows)).status_code == 302
        assert state(Product, ProductAttribute, AttributeValue, IndexChange) == before

    def test_that_are_left_out_are_taken_away(self, admin_client, attributes):
        lamp = product("Lamp", colour=["red", "blue"], width=40)
        admin_client.post(path_of(lamp), product_form(lamp, ("colour", "red")))
        assert texts(lamp) == {"colour": {"red"}}

    def test_a_page_that_is_sent_without_rows_leaves_them(self, admin_client, attributes):
        lamp = product("Lamp", colour="red")
        form = {k: v for k, v in product_form(lamp).items() if not k.startswith("attribute_rows")}
        assert admin_client.post(path_of(lamp), form).status_code == 302
        assert texts(lamp) == {"colour": {"red"}}

    @pytest.mark.parametrize("theirs", [["blue"], ["blue", "red"], []])
    def test_what_was_not_edited_stays_as_somebody_else_changed_it(self, admin_client, attributes, theirs):
        lamp = product("Lamp", ProductGroup.objects.create(name="Lamp", slug="lamp"), colour="red")
        seen = seen_by(admin_client.get(path_of(lamp)))
        form = product_form(lamp, ("colour", "red"), price="77", quantity=lamp.quantity, **seen)
        give(lamp, colour=theirs)
        Product.objects.filter(pk=lamp.pk).update(group=None, options_key=None, quantity=123)
        assert admin_client.post(path_of(lamp), form).status_code == 302
        lamp.refresh_from_db()
        assert (lamp.price, lamp.quantity, lamp.group) == (77, 123, None)
        assert texts(lamp) == ({"colour": {*theirs}} if theirs else {})

    def test_an_attribute_that_both_change_is_asked_once(self, admin_client, attributes):
        lamp = product("Lamp", colour="red", washable=True)
        seen = seen_by(admin_client.get(path_of(lamp)))
        give(lamp, colour="blue", washable=False)
        form = product_form(lamp, ("colour", "green"), ("washable", "Yes"), ("width", "40"), **seen)
        page = admin_client.post(path_of(lamp), form)
        (error,) = formset(page).non_form_errors()
        assert error.startswith("Colour: Somebody else has changed this")
        assert "“blue”" in error
        assert texts(lamp) == {"colour": {"blue"}, "washable": {"No"}}
        page = admin_client.post(path_of(lamp), form | seen_by(page), follow=True)
        assert texts(lamp) == {"colour": {"green"}, "washable": {"No"}, "width": {"40"}}
        assert any("Washable" in str(message) and "“No”" in str(message) for message in page.context["messages"])

    @pytest.mark.parametrize("seen", ["", "[", "[1]", "[[1]]", '[["a", "b"]]', '[[1, "x", 2]]', "[" * 9999, "1"])
    def test_what_was_never_seen_is_no_error(self, admin_client, attributes, seen):
        lamp = product("Lamp", colour="red")
        form = product_form(lamp, ("colour", "green"), **{"attribute_rows-SEEN": seen})
        assert admin_client.post(path_of(lamp), form).status_code == 302
        assert texts(lamp) == {"colour": {"green"}}

    @pytest.mark.parametrize(
        ("attribute", "text", "field"),
        [
            *(
                ("width", text, "text")
                for text in ("wide", "1,5", "NaN", "1e9", "1e999999999", "1_0", "9" * 12, "1.1234567", "")
            ),
            *(("washable", text, "text") for text in ("maybe", "1", "")),
            *(("colour", text, "text") for text in ("a" * 256, "a\0", " ")),
            ("", "red", "attribute"),
            *((pk, "red", "attribute") for pk in ("0", "99999", "9" * 30, "1.5", "\0")),
        ],
    )
    def test_say_at_the_row_what_is_wrong(self, admin_client, attributes, attribute, text, field):
        lamp = product("Lamp")
        page = admin_client.post(path_of(lamp), product_form(lamp, ("colour", "red"), (attribute, text)))
        assert page.status_code == 200
        assert [[*form.errors] for form in formset(page).forms] == [[], [field]]
        assert texts(lamp) == {}

    def test_a_second_number_of_one_attribute_is_told(self, admin_client, attributes):
        lamp = product("Lamp")
        page = admin_client.post(path_of(lamp), product_form(lamp, ("width", "40"), ("width", "50")))
        assert "another row of Width" in str(formset(page).forms[1].errors)

    def test_more_than_fifty_attributes_are_refused(self, admin_client):
        lamp = product("Lamp")
        for n in range(51):
            Attribute.objects.create(name=f"a{n}", slug=f"a{n}")
        keys = Attribute.objects.values_list("pk", flat=True)
        page = admin_client.post(path_of(lamp), product_form(lamp, *((str(pk), "x") for pk in keys)))
        assert "at most 50 attributes" in str(formset(page).non_form_errors())
        assert texts(lamp) == {}

    def test_cost_the_same_queries_at_1_and_at_40(self, admin_client):
        lamp = product("Lamp", a0="x")
        admin_client.get(path_of(lamp))
        with CaptureQueriesContext(connection) as one:
            admin_client.get(path_of(lamp))
        give(lamp, **{f"a{n}": "x" for n in range(40)})
        with CaptureQueriesContext(connection) as forty:
            admin_client.get(path_of(lamp))
        assert len(forty) == len(one)

    def test_are_read_by_those_who_may_only_look(self, attributes):
        lamp = product("Lamp", colour="red", width=40)
        client = Client()
        client.force_login(holder("catalog.view_product"))
        page = client.get(path_of(lamp))
        assert "Colour: red; Width: 40 cm" in page.content.decode()
        assert client.post(path_of(lamp), product_form(lamp, ("colour", "blue"))).status_code == 403

    def test_the_history_says_what_changed(self, admin_client, attributes):
        lamp = product("Lamp", colour="red")
        admin_client.post(path_of(lamp), product_form(lamp, ("colour", "blue")))
        page = admin_client.get(f"{PRODUCTS}{lamp.pk}/history/").content.decode()
        assert "Attribute: Colour" in page
        assert re.search("From.>red.*To.>blue", page)


class TestGroup:
    @pytest.fixture
    def shirts(self):
        group = ProductGroup.objects.create(name="Shirt", slug="shirt")
        return group, [product("Small", group, size="S"), product("Medium", group, size="M")]

    def test_the_page_shows_the_other_products_with_their_options(self, admin_client, shirts):
        small, medium = shirts[1]
        page = admin_client.get(path_of(small)).content.decode()
        assert f'<a href="{path_of(medium)}">Medium</a>' in page
        assert "<td>size: M</td>" in page

    def test_the_same_options_as_another_product_are_refused(self, admin_client, shirts):
        small = shirts[1][0]
        page = admin_client.post(path_of(small), product_form(small, ("size", "m")))
        assert "“Medium” of the same group" in str(formset(page).non_form_errors())
        assert texts(small) == {"size": {"S"}}

    def test_a_product_comes_in_with_new_values(self, admin_client, shirts):
        """Its old ones are those of another product of the group."""
        loose = product("Loose", size="S")
        group = shirts[0].pk
        page = admin_client.post(path_of(loose), product_form(loose, ("size", "S"), group=group))
        assert "Small" in str(formset(page).non_form_errors())
        response = admin_client.post(path_of(loose), product_form(loose, ("size", "L"), group=group))
        assert response.status_code == 302
        assert shirts[0].products.count() == 3
        assert None not in shirts[0].products.values_list("options_key", flat=True)

    def test_a_product_goes_out(self, admin_client, shirts):
        small = shirts[1][0]
        assert admin_client.post(path_of(small), product_form(small, ("size", "S"), group="")).status_code == 302
        small.refresh_from_db()
        assert (small.group, small.options_key) == (None, None)

    @pytest.mark.parametrize("group", ["x", "999999", "9" * 30])
    def test_refuses_what_is_no_group(self, admin_client, shirts, group):
        small = shirts[1][0]
        assert "group" in errors_of(admin_client.post(path_of(small), product_form(small, ("size", "S"), group=group)))

    def test_the_page_costs_the_same_queries_with_2_and_with_30_products(self, admin_client, shirts):
        small = shirts[1][0]
        admin_client.get(path_of(small))
        with CaptureQueriesContext(connection) as two:
            admin_client.get(path_of(small))
        for n in range(28):
            product(f"More {n}", shirts[0], size=f"{n}")
        with CaptureQueriesContext(connection) as thirty:
            admin_client.get(path_of(small))
        assert len(thirty) == len(two)


class TestAddVariant:
    def opened(self, client, row):
        return client.get(f"{PRODUCTS}add/", {"variant_of": row.pk})

    def sent(self, client, row, *rows, **changes):
        form = product_form(row, *rows, **{"slug": "", **changes})
        return client.post(f"{PRODUCTS}add/?variant_of={row.pk}", form)

    def test_copies_what_variants_share(self, admin_client):
        shirt = product("Shirt", material="linen", size="M")
        Product.objects.update(sku="S-1", description="Fine.", price=Decimal("12.50"), quantity=7)
        page = self.opened(admin_client, shirt)
        form = page.context["adminform"].form
        values = {name: form[name].value() for name in form.fields}
        assert (values["name"], values["description"], values["price"]) == ("Shirt", "Fine.", Decimal("12.50"))
        assert (values["category"], values["brand"]) == (shirt.category_id, shirt.brand_id)
        assert (values["slug"], values["sku"], values["quantity"]) == (None, None, 0)
        assert [text for _, text in shown_rows(page)] == ["linen", "M"]

    def test_makes_a_group_of_both(self, admin_client):
        shirt = product("Shirt", size="M")
        assert self.sent(admin_client, shirt, ("size", "L")).status_code == 302
        group = ProductGroup.objects.get()
        assert (group.name, group.slug) == ("Shirt", "shirt")
        assert {(row.slug == shirt.slug, row.options_key is None) for row in group.products.all()} == {
            (True, False),
            (False, False),
        }
        assert Product.objects.exclude(pk=shirt.pk).get().slug == "shirt"

    def test_the_same_values_are_refused_and_nothing_is_made(self, admin_client):
        shirt = product("Shirt", size="M")
        page = self.sent(admin_client, shirt, ("size", "M"))
        assert "“Shirt” of the same group" in str(formset(page).non_form_errors())
        assert not ProductGroup.objects.exists()
        assert Product.objects.count() == 1

    def test_of_a_groups_product_joins_the_group_and_asks_for_the_options(self, admin_client):
        group = ProductGroup.objects.create(name="Shirt", slug="shirt")
        small = product("Small", group, size="S", material="linen")
        product("Medium", group, size="M", material="linen")
        page = self.opened(admin_client, small)
        assert page.context["adminform"].form["group"].value() == group.pk
        assert sorted(text for _, text in shown_rows(page)) == ["", "linen"]
        assert self.sent(admin_client, small, ("size", "L"), ("material", "linen")).status_code == 302
        assert group.products.count() == 3

    def test_an_option_that_is_not_filled_in_is_told_at_its_row(self, admin_client):
        shirt = product("Shirt", size="M")
        page = self.sent(admin_client, shirt, ("size", ""))
        assert [*formset(page).forms[0].errors] == ["text"]

    @pytest.mark.parametrize("pk", ["x", "999999", "9" * 30, "", "\0"])
    def test_of_what_is_no_product_is_a_plain_new_product(self, admin_client, pk):
        assert admin_client.get(f"{PRODUCTS}add/", {"variant_of": pk}).status_code == 200

    def test_changes_the_product_that_is_copied_so_it_wants_that_permission(self):
        shirt = product("Shirt", size="M")
        for permissions, count in (
            (["catalog.add_product"], 1),
            (["catalog.add_product", "catalog.change_product"], 2),
        ):
            client = Client()
            client.force_login(holder(*permissions))
            assert self.sent(client, shirt, ("size", "L")).status_code == 302
            assert Product.objects.count() == count
            assert AttributeValue.objects.filter(text="L").exists() is (count == 2)
