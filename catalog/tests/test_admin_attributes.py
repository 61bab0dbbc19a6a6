"""The admin's pages of attributes, of their values and of groups."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.attributes import groups, rewriting
from catalog.attributes.models import Attribute, AttributeValue, ProductAttribute, ProductGroup
from catalog.attributes.options import options_of
from catalog.attributes.writing import AttributeInput, resolve, write_options_keys, write_rows
from catalog.models import IndexChange, Product
from catalog.tests.factories import ProductFactory
from catalog.tests.test_admin import PRODUCTS, errors_of, names
from core.auth.policy import SYSTEM
from core.tests.actors import holder, state

ATTRIBUTES = "/admin/catalog/attribute/"
VALUES = "/admin/catalog/attributevalue/"
GROUPS = "/admin/catalog/productgroup/"
OURS = (Attribute, AttributeValue, ProductAttribute, ProductGroup, Product)

pytestmark = pytest.mark.django_db


def product(name, group=None, **values):
    """A product with values: `size="M"`, `width=40`, `washable=True`, or several in a list."""
    row = ProductFactory(name=name, group=group)
    give(row, **values)
    return row


def give(row, **values):
    inputs = []
    for attribute, value in values.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, bool):
                inputs.append(AttributeInput(attribute, boolean=each))
            elif isinstance(each, int):
                inputs.append(AttributeInput(attribute, number=Decimal(each)))
            else:
                inputs.append(AttributeInput(attribute, text=each))
    write_rows({row.pk: resolve({0: inputs}).rows[0]})
    write_options_keys([row.pk])


def texts(row):
    """What a product has, by the slugs of attributes."""
    found: dict[str, set[str]] = {}
    for each in row.attribute_rows.select_related("attribute", "value"):
        found.setdefault(each.attribute.slug, set()).add(each.text)
    return found


def value_of(text):
    return AttributeValue.objects.get(text=text)


def attribute_form(**changes):
    return {"name": "Width", "slug": "width", "kind": "NUMBER", "unit": "cm", "position": "0", **changes}


@pytest.fixture
def shirts():
    """A group of three shirts, and a loose one."""
    group = ProductGroup.objects.create(name="Shirt", slug="shirt")
    rows = [
        product("Red M", group, colour="red", size="M", material="linen"),
        product("Red L", group, colour="red", size="L", material="linen"),
        product("Blue M", group, colour="blue", size="M", material="linen"),
    ]
    IndexChange.objects.all().delete()
    return group, rows


class TestAttributes:
    def test_are_added_and_changed(self, admin_client):
        assert admin_client.post(f"{ATTRIBUTES}add/", attribute_form()).status_code == 302
        width = Attribute.objects.get()
        assert (width.name, width.kind, width.unit) == ("Width", "NUMBER", "cm")
        form = attribute_form(name=" Shelf  width ", unit="mm", position="3")
        assert admin_client.post(f"{ATTRIBUTES}{width.pk}/change/", form).status_code == 302
        width.refresh_from_db()
        assert (width.name, width.unit, width.position) == ("Shelf width", "mm", 3)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *(("name", text) for text in ("", "  ", "a\0", "a" * 101)),
            *(("slug", text) for text in ("", "a b", "taken")),
            *(("kind", text) for text in ("", "DATE")),
            *(("unit", text) for text in ("a" * 21, "a\0")),
            *(("position", text) for text in ("", "-1", "x", "9" * 30)),
        ],
    )
    def test_refuses(self, admin_client, field, value):
        Attribute.objects.create(name="Taken", slug="taken")
        response = admin_client.post(f"{ATTRIBUTES}add/", attribute_form(**{field: value}))
        assert field in errors_of(response)
        assert Attribute.objects.count() == 1

    def test_only_numbers_have_a_unit(self, admin_client):
        errors = errors_of(admin_client.post(f"{ATTRIBUTES}add/", attribute_form(kind="TEXT")))
        assert errors == {"unit": "Only numbers have a unit."}

    def test_the_kind_changes_only_while_no_product_has_a_value(self, admin_client):
        colour = Attribute.objects.create(name="Colour", slug="colour")
        AttributeValue.objects.create(attribute=colour, text="red")
        path, form = f"{ATTRIBUTES}{colour.pk}/change/", attribute_form(name="Colour", slug="colour")
        assert admin_client.post(path, form).status_code == 302
        colour.refresh_from_db()
        assert colour.kind == "NUMBER"
        assert not AttributeValue.objects.exists()
        product("Shelf", colour=40)
        assert "products have values" in admin_client.get(path).content.decode()
        admin_client.post(path, {**form, "kind": "BOOLEAN"})
        colour.refresh_from_db()
        assert colour.kind == "NUMBER"

    def test_their_order_is_edited_in_the_list(self, admin_client):
        rows = [Attribute.objects.create(name=name, slug=name, unit="cm", kind="NUMBER") for name in ("depth", "width")]
        form = {"form-TOTAL_FORMS": 2, "form-INITIAL_FORMS": 2, "_save": "Save"}
        for n, row in enumerate(rows):
            form |= {f"form-{n}-id": row.pk, f"form-{n}-position": 2 - n}
        assert admin_client.post(ATTRIBUTES, form).status_code == 302
        assert [*Attribute.objects.values_list("name", "unit")] == [("width", "cm"), ("depth", "cm")]

    def test_the_page_shows_the_first_values_and_leads_to_all(self, admin_client):
        colour = Attribute.objects.create(name="Size", slug="size")
        for n in range(30):
            AttributeValue.objects.create(attribute=colour, text=f"{n} mm")
        page = admin_client.get(f"{ATTRIBUTES}{colour.pk}/change/").content.decode()
        assert page.index(">2 mm<") < page.index(">10 mm<")
        assert ">20 mm<" not in page
        assert "All 30 values" in page
        assert f"{VALUES}?attribute={colour.pk}" in page

    def test_deleting_one_says_how_many_products_lose_it(self, admin_client):
        rows = [product(f"Lamp {n}", bulb="E27", room=["hall", "bath"]) for n in range(3)]
        IndexChange.objects.all().delete()
        room = Attribute.objects.get(slug="room")
        path = f"{ATTRIBUTES}{room.pk}/delete/"
        assert "3 products will lose" in admin_client.get(path).content.decode()
        assert admin_client.post(path, {"post": "yes"}).status_code == 302
        assert [texts(row) for row in rows] == [{"bulb": {"E27"}}] * 3
        assert {row.pk for row in rows} <= {*IndexChange.objects.filter(kind="product").values_list("key", flat=True)}
        assert not AttributeValue.objects.filter(text="hall").exists()

    def test_deleting_an_option_is_refused_with_the_names_of_the_products(self, admin_client, shirts):
        before = state(*OURS)
        path = f"{ATTRIBUTES}{Attribute.objects.get(slug='size').pk}/delete/"
        for response in (admin_client.get(path), admin_client.post(path, {"post": "yes"}, follow=True)):
            assert "“Red M” and “Red L”" in response.content.decode()
        assert state(*OURS) == before

    def test_deleting_one_that_does_not_tell_products_apart_keeps_their_options(self, admin_client, shirts):
        path = f"{ATTRIBUTES}{Attribute.objects.get(slug='material').pk}/delete/"
        assert admin_client.post(path, {"post": "yes"}).status_code == 302
        keys = [*Product.objects.values_list("options_key", flat=True)]
        write_options_keys([row.pk for row in shirts[1]])
        assert [*Product.objects.values_list("options_key", flat=True)] == keys
        assert len({*keys}) == 3

    def test_one_of_many_products_is_deleted_in_steps(self, admin_client, monkeypatch):
        """What is done stays done, and confirming again goes on."""
        monkeypatch.setattr(rewriting, "BATCH", 2)
        monkeypatch.setattr(rewriting, "MAX_SECONDS", 0)
        for n in range(7):
            product(f"Lamp {n}", bulb="E27")
        path = f"{ATTRIBUTES}{Attribute.objects.get().pk}/delete/"
        page = admin_client.post(path, {"post": "yes"}, follow=True).content.decode()
        assert "5 products are left. Confirm again" in page
        assert ProductAttribute.objects.count() == 5
        for _ in range(3):
            admin_client.post(path, {"post": "yes"})
        assert admin_client.post(path, {"post": "yes"}).status_code == 302
        assert not Attribute.objects.exists()


class TestValues:
    @pytest.fixture
    def colour(self):
        return Attribute.objects.create(name="Colour", slug="colour")

    def change(self, client, value, follow=False, **changes):
        form = {"text": value.text, "position": value.position, **changes}
        return client.post(f"{VALUES}{value.pk}/change/", form, follow=follow)

    def test_are_added_and_ordered(self, admin_client, colour):
        for text, position in (("red", 2), ("blue", 1)):
            form = {"attribute": colour.pk, "text": text, "position": position}
            assert admin_client.post(f"{VALUES}add/", form).status_code == 302
        page = admin_client.get(VALUES, {"attribute": colour.pk})
        assert [row.text for row in page.context["cl"].result_list] == ["blue", "red"]

    def test_the_order_is_edited_in_the_list(self, admin_client, colour):
        rows = [AttributeValue.objects.create(attribute=colour, text=text) for text in ("blue", "red")]
        form = {"form-TOTAL_FORMS": 2, "form-INITIAL_FORMS": 2, "_save": "Save"}
        for n, row in enumerate(rows):
            form |= {f"form-{n}-id": row.pk, f"form-{n}-position": 2 - n}
        assert admin_client.post(f"{VALUES}?attribute={colour.pk}", form).status_code == 302
        assert [*colour.values.order_by("position").values_list("text", flat=True)] == ["red", "blue"]

    def test_only_an_attribute_of_texts_has_them(self, admin_client):
        width = Attribute.objects.create(name="Width", slug="width", kind="NUMBER")
        form = {"attribute": width.pk, "text": "40", "position": 0}
        assert "attribute" in errors_of(admin_client.post(f"{VALUES}add/", form))

    def test_a_new_spelling_is_everywhere(self, admin_client, shirts):
        red = value_of("red")
        assert self.change(admin_client, red, text=" Crimson  red ").status_code == 302
        assert texts(shirts[1][0])["colour"] == {"Crimson red"}
        assert [*IndexChange.objects.values_list("kind", "key")] == [("value", red.pk)]

    def test_saving_an_opened_one_writes_nothing(self, admin_client, shirts):
        assert self.change(admin_client, value_of("red")).status_code == 302
        assert not IndexChange.objects.exists()

    def test_its_own_spelling_may_change_in_case(self, admin_client, shirts):
        assert self.change(admin_client, value_of("red"), text="RED").status_code == 302
        assert value_of("RED").key == "red"

    def test_the_spelling_of_another_one_is_refused_with_a_link_that_merges_both(self, admin_client):
        colours = {"Lamp": "red", "Sofa": ["crimson", "red"], "Rug": "crimson"}
        rows = [product(name, colour=values) for name, values in colours.items()]
        crimson, red = value_of("crimson"), value_of("red")
        response = self.change(admin_client, crimson, text="RED ")
        link = f"{VALUES}{crimson.pk}/merge/?into={red.pk}"
        assert f'<a href="{link}">' in errors_of(response)["text"]
        page = admin_client.get(link).content.decode()
        assert "“colour: crimson” stands at 2 products" in page
        assert admin_client.post(link, {"into": red.pk}, follow=True).status_code == 200
        assert [texts(row) for row in rows] == [{"colour": {"red"}}] * 3
        assert not AttributeValue.objects.filter(pk=crimson.pk).exists()

    def test_a_merger_that_would_make_two_products_of_a_group_the_same_is_refused(self, admin_client, shirts):
        before = state(*OURS)
        path = f"{VALUES}{value_of('red').pk}/merge/"
        page = admin_client.post(path, {"into": value_of("blue").pk}).content.decode()
        assert "“Red M” and “Blue M”" in page
        assert state(*OURS) == before

    def test_a_merger_keeps_options_apart(self, admin_client, shirts):
        group, _ = shirts
        product("Rose S", group, colour="rose", size="S")
        path = f"{VALUES}{value_of('rose').pk}/merge/"
        assert admin_client.post(path, {"into": value_of("red").pk}).status_code == 302
        keys = {*Product.objects.values_list("options_key", flat=True)}
        write_options_keys(Product.objects.values_list("pk", flat=True))
        assert {*Product.objects.values_list("options_key", flat=True)} == keys
        assert len(keys) == 4

    @pytest.mark.parametrize("into", ["", "x", "9" * 30, "0", "another", "itself"])
    def test_nothing_else_can_be_merged_into(self, admin_client, into):
        product("Lamp", colour="red", size="M")
        red = value_of("red")
        into = {"another": value_of("M").pk, "itself": red.pk}.get(into, into)
        page = admin_client.post(f"{VALUES}{red.pk}/merge/", {"into": into})
        assert page.context["form"].errors["into"]
        assert AttributeValue.objects.count() == 2

    def test_deleting_one_says_how_many_products_lose_it(self, admin_client, shirts):
        product("Lamp", colour=["red", "green"])
        for text, told in (("green", "1 product will lose"), ("red", "3 products will lose")):
            page = admin_client.get(f"{VALUES}{value_of(text).pk}/delete/").content.decode()
            assert told in page
        assert admin_client.post(f"{VALUES}{value_of('red').pk}/delete/", {"post": "yes"}).status_code == 302
        assert [texts(row).get("colour") for row in shirts[1]] == [None, None, {"blue"}]
        assert len({*Product.objects.filter(group=shirts[0]).values_list("options_key", flat=True)}) == 3

    def test_several_are_deleted_together(self, admin_client, shirts):
        """Each alone would leave the products different; both together would not."""
        form = {"action": "delete_selected", "_selected_action": [value_of("M").pk, value_of("L").pk], "post": "yes"}
        assert "“Red M” and “Red L”" in admin_client.post(VALUES, form, follow=True).content.decode()
        give(shirts[1][1], colour="black")
        admin_client.post(VALUES, form)
        assert not AttributeValue.objects.filter(text__in=["M", "L"]).exists()

    def test_one_that_no_product_has_goes_at_once(self, admin_client, colour):
        red = AttributeValue.objects.create(attribute=colour, text="red")
        assert "No product has it" in admin_client.get(f"{VALUES}{red.pk}/delete/").content.decode()
        admin_client.post(f"{VALUES}{red.pk}/delete/", {"post": "yes"})
        assert not AttributeValue.objects.exists()

    def test_forty_thousand_cost_as_many_queries_as_one(self, admin_client, colour):
        """The list, its search, a value's page, the attribute's page, a product's page and its suggestions."""
        lamp = product("Lamp", colour="red")
        red = value_of("red")
        pages = [
            (VALUES, {"attribute": colour.pk}),
            (VALUES, {"attribute": colour.pk, "q": "red"}),
            (f"{VALUES}{red.pk}/change/", {}),
            (f"{VALUES}{red.pk}/merge/", {}),
            (f"{ATTRIBUTES}{colour.pk}/change/", {}),
            (ATTRIBUTES, {}),
            (f"{ATTRIBUTES}{colour.pk}/suggestions/", {"term": "red"}),
            (f"{PRODUCTS}{lamp.pk}/change/", {}),
        ]

        def counts():
            numbers = []
            for path, parameters in pages:
                with CaptureQueriesContext(connection) as queries:
                    response = admin_client.get(path, parameters)
                assert response.status_code == 200
                assert len(response.content) < 200_000
                numbers.append(len(queries))
            return numbers

        counts()
        before = counts()
        values = [AttributeValue(attribute=colour, text=f"red {n}") for n in range(40_000)]
        for value in values:
            value.fill_keys()
        AttributeValue.objects.bulk_create(values, batch_size=2_000)
        assert counts() == before

    def test_the_list_costs_the_same_queries_at_1_and_at_50_rows(self, admin_client):
        product("Lamp", colour="red")
        admin_client.get(VALUES)
        with CaptureQueriesContext(connection) as one:
            admin_client.get(VALUES)
        for n in range(49):
            product(f"Lamp {n}", colour=f"red {n}")
        with CaptureQueriesContext(connection) as fifty:
            assert len(admin_client.get(VALUES).context["cl"].result_list) == 50
        assert len(fifty) == len(one)

    def test_a_box_of_one_attribute_suggests_its_values_only(self, admin_client):
        product("Lamp", colour=["Rosé red", "blue"], mood="red")
        colour = Attribute.objects.get(slug="colour")
        parameters = {"app_label": "catalog", "model_name": "productattribute", "field_name": "value"}
        found = admin_client.get("/admin/autocomplete/", {**parameters, "attribute": colour.pk, "term": "RED"})
        assert [each["text"] for each in found.json()["results"]] == ["Rosé red"]

    def test_suggestions_tell_the_kind_the_unit_and_matching_values(self, admin_client):
        product("Lamp", colour=["red", "dark red", "blue"], width=40)
        colour, width = (Attribute.objects.get(slug=slug) for slug in ("colour", "width"))
        assert admin_client.get(f"{ATTRIBUTES}{colour.pk}/suggestions/", {"term": "RED"}).json() == {
            "kind": "TEXT",
            "unit": "",
            "values": ["dark red", "red"],
        }
        assert admin_client.get(f"{ATTRIBUTES}{width.pk}/suggestions/").json()["kind"] == "NUMBER"
        assert admin_client.get(f"{ATTRIBUTES}999/suggestions/").status_code == 404

    def test_whoever_may_only_look_cannot_merge(self, client, shirts):
        client.force_login(holder("catalog.view_attributevalue", "catalog.change_attributevalue"))
        before = state(*OURS)
        path = f"{VALUES}{value_of('red').pk}/merge/"
        assert client.get(path).status_code == 403
        assert client.post(path, {"into": value_of("blue").pk}).status_code == 403
        assert state(*OURS) == before


class TestGroups:
    def form(self, group, **changes):
        return {"name": group.name, "slug": group.slug, **changes}

    def test_the_list_shows_the_number_of_products_and_the_options(self, admin_client, shirts):
        ProductGroup.objects.create(name="Empty", slug="empty")
        page = admin_client.get(GROUPS)
        assert [(row.name, row.product_count) for row in page.context["cl"].result_list] == [("Empty", 0), ("Shirt", 3)]
        assert "colour, size" in page.content.decode()

    def test_the_list_costs_the_same_queries_at_1_and_at_50_rows(self, admin_client, shirts):
        admin_client.get(GROUPS)
        with CaptureQueriesContext(connection) as one:
            admin_client.get(GROUPS)
        for n in range(49):
            group = ProductGroup.objects.create(name=f"Group {n}", slug=f"group-{n}")
            product(f"S {n}", group, size="S")
            product(f"M {n}", group, size="M")
        with CaptureQueriesContext(connection) as fifty:
            admin_client.get(GROUPS)
        assert len(fifty) == len(one)

    def test_an_attribute_of_which_all_products_have_the_same_is_no_option(self, shirts):
        group, rows = shirts
        give(rows[0], colour="red", size="M", care=["a", "b"], weight=1, washable=True)
        give(rows[1], colour="red", size="L", care=["a", "b"], weight=1, washable=True)
        give(rows[2], colour="red", size="S", care=["b", "a"], weight=1, washable=True)
        assert [attribute.slug for attribute in options_of([group.pk])[group.pk]] == ["size"]
        give(rows[2], colour="red", size="S", care=["b", "c"], weight=2, washable=False)
        assert {attribute.slug for attribute in options_of([group.pk])[group.pk]} == {
            "care",
            "size",
            "washable",
            "weight",
        }
        give(rows[2], size="S")
        slugs = {attribute.slug for attribute in options_of([group.pk])[group.pk]}
        assert slugs == {"care", "colour", "size", "washable", "weight"}

    def test_products_come_and_go(self, admin_client, shirts):
        group, rows = shirts
        loose = product("Green M", colour="green", size="M")
        IndexChange.objects.all().delete()
        path = f"{GROUPS}{group.pk}/change/"
        assert admin_client.get(path).content.decode().count('name="remove"') == 3
        form = self.form(group, name="Shirts", add=[loose.pk], remove=[rows[0].pk])
        assert admin_client.post(path, form).status_code == 302
        group.refresh_from_db()
        assert group.name == "Shirts"
        assert {*group.products.values_list("name", flat=True)} == {"Red L", "Blue M", "Green M"}
        assert {*IndexChange.objects.values_list("key", flat=True)} == {loose.pk, rows[0].pk}
        rows[0].refresh_from_db()
        assert (rows[0].group, rows[0].options_key) == (None, None)

    def test_one_with_the_same_options_comes_in_when_the_other_goes(self, admin_client, shirts):
        group, rows = shirts
        twin = product("Twin", colour="red", size="M", material="linen")
        path = f"{GROUPS}{group.pk}/change/"
        errors = errors_of(admin_client.post(path, self.form(group, add=[twin.pk])))
        assert "“Red M” and “Twin”" in errors["add"]
        assert admin_client.post(path, self.form(group, add=[twin.pk], remove=[rows[0].pk])).status_code == 302
        assert twin.pk in group.products.values_list("pk", flat=True)

    @pytest.mark.parametrize("add", ["999999", "x", "9" * 30, "\0"])
    def test_refuses_what_is_no_product(self, admin_client, shirts, add):
        response = admin_client.post(f"{GROUPS}{shirts[0].pk}/change/", self.form(shirts[0], add=[add]))
        assert "add" in errors_of(response)

    def test_a_product_of_another_group_is_refused(self, admin_client, shirts):
        form = {"name": "Other", "slug": "other", "add": [shirts[1][0].pk]}
        errors = errors_of(admin_client.post(f"{GROUPS}add/", form))
        assert "“Red M” is in the group “Shirt”" in errors["add"]

    def test_is_added_with_its_products(self, admin_client):
        rows = [product("A", size="S"), product("B", size="M")]
        form = {"name": "New", "slug": "new", "add": [row.pk for row in rows]}
        assert admin_client.post(f"{GROUPS}add/", form).status_code == 302
        assert ProductGroup.objects.get().products.count() == 2

    def test_when_it_is_deleted_its_products_stay(self, admin_client, shirts):
        group, rows = shirts
        path = f"{GROUPS}{group.pk}/delete/"
        assert "3 products will stay" in admin_client.get(path).content.decode()
        with CaptureQueriesContext(connection) as queries:
            assert admin_client.post(path, {"post": "yes"}).status_code == 302
        assert {*Product.objects.values_list("group", "options_key")} == {(None, None)}
        assert sorted(IndexChange.objects.values_list("key", flat=True)) == sorted(row.pk for row in rows)
        assert sum(query["sql"].startswith('UPDATE "catalog_product"') for query in queries) <= 1

    def test_one_of_two_thousand_products_is_shown_in_part_and_deleted(self, admin_client, shirts):
        group, _ = shirts
        many = []
        for n in range(2_000):
            row = Product(name="Many", slug=f"many-{n}", group=group, options_key=f"{n:032}", price=1)
            row.category, row.brand = shirts[1][0].category, shirts[1][0].brand
            row.fill_keys()
            many.append(row)
        Product.objects.bulk_create(many, batch_size=500)
        page = admin_client.get(f"{GROUPS}{group.pk}/change/").content.decode()
        assert page.count('name="remove"') == 100
        assert "The first 100 of 2003 products" in page
        groups.delete_groups(actor=SYSTEM, ids=[group.pk])
        assert Product.objects.filter(group=None).count() == 2_003

    def test_the_list_of_products_shows_those_of_a_group_or_a_value(self, admin_client, shirts):
        group, _ = shirts
        product("Lamp", colour="blue")
        assert set(names(admin_client.get(PRODUCTS, {"group": group.pk}))) == {"Red M", "Red L", "Blue M"}
        assert set(names(admin_client.get(PRODUCTS, {"value": value_of("blue").pk}))) == {"Blue M", "Lamp"}
        for name in ("group", "value"):
            for value in ("x", "999", "9" * 30):
                assert admin_client.get(PRODUCTS, {name: value}).status_code == 302

    def test_an_action_takes_products_out(self, admin_client, shirts):
        form = {"action": "take_out", "_selected_action": [row.pk for row in shirts[1][:2]]}
        page = admin_client.post(PRODUCTS, form, follow=True)
        assert "2 products taken out" in page.content.decode()
        assert [*Product.objects.filter(group=shirts[0])] == shirts[1][2:]
