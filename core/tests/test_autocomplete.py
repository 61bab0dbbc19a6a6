"""The admin's boxes that search their choices: they answer whoever may open the page that has them, and nobody else."""

import re
from html import unescape

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from catalog.models import Attribute, AttributeValue, ProductGroup, SearchRule
from catalog.tests.factories import ProductFactory
from core.tests.actors import holder
from users.tests.factories import employee

pytestmark = pytest.mark.django_db
BOX = re.compile(r"<select[^>]*data-ajax--url[^>]*>")
ATTRIBUTE = re.compile(r'data-(app-label|model-name|field-name)="([^"]*)"')


@pytest.fixture
def rows():
    group = ProductGroup.objects.create(name="Sofa", slug="sofa")
    attribute = Attribute.objects.create(name="Colour", slug="colour")
    value = AttributeValue.objects.create(attribute=attribute, text="red")
    return [ProductFactory(group=group), group, attribute, value, SearchRule.objects.create(query="sofa")]


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def boxes(client, address):
    """(address, query) of each box of a page."""
    page = client.get(address)
    assert page.status_code == 200, address
    for tag in BOX.findall(page.content.decode()):
        names = {name.replace("-", "_"): unescape(text) for name, text in ATTRIBUTE.findall(tag)}
        yield unescape(re.search(r'data-ajax--url="([^"]*)"', tag)[1]), {**names, "term": "o"}


def pages(row, *, action):
    label = f"{row._meta.app_label}_{row._meta.model_name}"
    if action == "change":
        return [reverse(f"admin:{label}_change", args=[row.pk]), reverse(f"admin:{label}_changelist")]
    return [reverse(f"admin:{label}_add")] if action == "add" else [reverse(f"admin:{label}_changelist")]


@pytest.mark.parametrize("action", ["change", "add", "view"])
def test_every_box_answers_whoever_may_open_its_page(rows, action):
    """Even with that one permission alone."""
    answered = 0
    for row in rows:
        client = signed_in(holder(f"{row._meta.app_label}.{action}_{row._meta.model_name}"))
        for page in pages(row, action=action):
            for address, query in boxes(client, page):
                assert client.get(address, query).status_code == 200, (page, query)
                answered += 1
    assert answered >= {"change": 4, "add": 4, "view": 0}[action]


def test_an_employee_is_answered_on_every_page(rows):
    client = signed_in(employee())
    for row in rows:
        for page in (*pages(row, action="change"), *pages(row, action="add")):
            for address, query in boxes(client, page):
                assert client.get(address, query).status_code == 200, (page, query)


def test_who_may_change_products_is_told_the_values_of_an_attribute(rows):
    address = reverse("admin:catalog_attribute_suggestions", args=[rows[2].pk])
    for permission, status in (("catalog.change_product", 200), ("catalog.add_product", 200), ("cart.view_cart", 403)):
        assert signed_in(holder(permission)).get(address).status_code == status


def test_accounts_and_groups_are_nobodys_choices():
    """A cart, a mail and an import name accounts; that opens no list of all addresses."""
    for model in admin.site._registry:
        label = f"{model._meta.app_label}.view_{model._meta.model_name}"
        for field in model._meta.get_fields():
            remote = field.related_model if field.concrete and field.is_relation else None
            if remote in admin.site._registry and remote._meta.app_label in ("users", "auth"):
                query = {"app_label": model._meta.app_label, "model_name": model._meta.model_name}
                answer = signed_in(holder(label)).get("/admin/autocomplete/", {**query, "field_name": field.name})
                own = label == f"{remote._meta.app_label}.view_{remote._meta.model_name}"
                assert answer.status_code == (200 if own else 403), (label, field.name)
