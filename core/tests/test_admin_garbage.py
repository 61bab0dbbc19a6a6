"""Nothing that is sent to the admin, however wrong, is a server error: every page of every registered model."""

import re
from collections.abc import Iterator
from itertools import cycle
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.test import Client

from catalog.models import Product, ProductImage
from catalog.tests.factories import ProductFactory
from core.http.admin_input import CheckedInputAdmin
from core.tests.actors import actor
from core.tests.examples import sample
from core.tests.test_policy_admin import ADMINS, NAMES, place, rows

__all__ = ["rows"]
pytestmark = [pytest.mark.django_db, pytest.mark.slow]

GARBAGE = [
    *("abc", "9" * 19, "\0", "", "-1", "\ud800", "1.5", "٣", "2024-13-45", "[]", "9" * 400, "a\0b", "1,2", "null"),
    *("1e400", "🛋", "../..", "0", "99999-01-01", "_5F", "-" + "9" * 30, "__in", "a" * 3_000, "1" + "0" * 5_000, "%"),
]
LIST = [
    "q",
    "o",
    "p",
    "all",
    "e",
    "_popup",
    "_to_field",
    "_changelist_filters",
    "_facets",
    "x",
    "pk",
    "id__in",
    "pk__in",
]
LIST += ["pk__in", "pk__range", "pk__exact", "pk__year", "id__isnull", "x__y__z", "__", "pk__", "password", "pk__regex"]
# What follows the name of a filter's field, or of the date that a list is ordered by.
LOOKUPS = ["", "__exact", "__in", "__isnull", "__range", "__id__exact", "__x", "__regex", "__gt"]
DATES = ["__year", "__month", "__day", "__gte", "__lt", "__date", "__week", "__range"]
MANAGEMENT = ["TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS"]
ROW = ["attribute", "text", "id", "product", "DELETE"]
HIDDEN = ["_popup", "_to_field", "_saveasnew", "_continue", "_addanother", "_changelist_filters", "next"]


class Browser:
    """A superuser's; an exception in a view is an answer of 500, as it is for people. No request changes anything."""

    def __init__(self) -> None:
        self.client = Client(raise_request_exception=False)
        self.client.force_login(actor("superuser"))
        self.cookies = {name: cookie.value for name, cookie in self.client.cookies.items()}
        self.values = cycle(GARBAGE)

    def send(self, method: str, path: str, **given: Any) -> Any:
        """The answer, whose status is below 500."""
        self.client.cookies.load(self.cookies)
        data = {name: value.encode("utf-8", "surrogatepass") for name, value in given.items()}
        sent: dict[str, Any] = {"data": data}
        if method == "post":
            # Django's client would send each byte as a value of its own.
            sent = {"data": urlencode(data), "content_type": "application/x-www-form-urlencoded"}
        mark = transaction.savepoint()
        try:
            response = getattr(self.client, method)(path, **sent)
        finally:
            transaction.savepoint_rollback(mark)
        assert response.status_code < 500, (method, path[:100], {name: value[:50] for name, value in given.items()})
        return response


def escaped(value: str) -> str:
    """The text as part of an address."""
    return quote(value.encode("utf-8", "surrogatepass"), safe="")


@pytest.fixture
def browser(db):
    return Browser()


def parameters(page: Any, request: Any) -> Iterator[str]:
    """Everything that the list of a model may be given."""
    yield from LIST
    for each in page.get_list_filter(request):
        if isinstance(each, str):
            yield from (each + lookup for lookup in LOOKUPS)
        else:
            yield each.parameter_name
    if page.date_hierarchy:
        yield from (page.date_hierarchy + part for part in DATES)


def fields(response: Any) -> dict[str, str]:
    """The names of a page's form, each with its value, those of the inlines among them."""
    text = response.content.decode()
    found = dict.fromkeys(re.findall(r'name="([^"]+)"', text), "") | dict.fromkeys(HIDDEN, "")
    for name in found:
        if value := re.search(rf'name="{re.escape(name)}"[^>]*?value="([^"]*)"', text):
            found[name] = value[1]
    return {name: value for name, value in found.items() if value or name not in HIDDEN}


def test_every_page_checks_its_input():
    assert all(isinstance(page, CheckedInputAdmin) for _, page in ADMINS)


@pytest.mark.parametrize(("model", "page"), ADMINS, ids=NAMES)
class TestGarbage:
    """Each name is sent with one of the values, another one for each model."""

    def test_in_a_list(self, browser, rows, rf, model, page):
        request = rf.get("/")
        request.user = actor("superuser")
        for name, value in zip(parameters(page, request), browser.values, strict=False):
            browser.send("get", place(model), **{name: value})

    def test_in_an_address(self, browser, rows, model, page):
        for value, part in zip(GARBAGE, cycle(["change", "delete", "history"]), strict=False):
            browser.send("get", f"{place(model)}{escaped(value)}/{part}/")
        for part, value in zip(("change", "delete", "password", "x") * 2, browser.values, strict=False):
            browser.send("post", f"{place(model)}{escaped(value)}/{part}/", post="yes")

    def test_in_an_action(self, browser, rows, rf, model, page):
        request = rf.get("/")
        request.user = actor("superuser")
        for name in page.get_actions(request):
            form = {"action": name, ACTION_CHECKBOX_NAME: str(rows[model].pk), "index": "0"}
            for value in GARBAGE[:6]:
                browser.send("post", place(model), **{**form, ACTION_CHECKBOX_NAME: value})
            for field in ("action", "index", "select_across", "post", "_popup", "_save"):
                browser.send("post", place(model), **{**form, field: next(browser.values)})

    def test_in_a_form(self, browser, rows, model, page):
        for path in (place(model, "add"), place(model, rows[model].pk, "change")):
            response = browser.client.get(path)
            form = fields(response) if response.status_code == 200 else {}
            for name in sample(form):
                browser.send("post", path, **{**form, name: next(browser.values)})
            browser.send("get", path, **dict(zip(form, browser.values, strict=False)))


def test_in_an_inlines_bookkeeping(browser, rows):
    path = place(Product, ProductFactory().pk, "change")
    form = fields(browser.client.get(path))
    image = rows[ProductImage].pk
    for name in (
        "images-files",
        "images-draft",
        f"images-{image}-alt",
        f"images-{'9' * 18}-alt",
        f"images-{image}-alt_was",
    ):
        for value in sample(["abc", "9" * 19, "-1", "\0", next(browser.values)]):
            browser.send("post", path, **{**form, name: value})
    for name in [*(f"attribute_rows-{each}" for each in MANAGEMENT), *(f"attribute_rows-0-{each}" for each in ROW)]:
        for value in sample(["abc", "9" * 19, "-1", "1000000", next(browser.values)]):
            browser.send("post", path, **{**form, name: value})


def test_in_completion_and_redirects(browser, rows):
    known = {"app_label": "catalog", "model_name": "product", "field_name": "brand", "term": "x"}
    paths = cycle(["/admin/r/%s/1/", "/admin/r/1/%s/", "/admin/%s/", "/admin/catalog/%s/"])
    for value, name, path in zip(GARBAGE, cycle([*known, "page"]), paths, strict=False):
        browser.send("get", "/admin/autocomplete/", **{**known, name: value})
        browser.send("get", path % escaped(value))
        browser.send("get", "/admin/login/", next=value)


def test_a_selection_that_is_none_is_told_and_nothing_is_done(admin_client):
    products = ProductFactory.create_batch(2)
    form = {"action": "archive", ACTION_CHECKBOX_NAME: [products[0].pk, "abc"], "index": "0"}
    page = admin_client.post(place(Product), form, follow=True)
    assert "Nothing was done" in page.content.decode()
    assert Product.objects.filter(is_active=True).count() == 2


@pytest.mark.parametrize("name", ["name__regex", "description__regex", "pk__in", "category__name", "nothing"])
def test_a_lookup_that_no_link_of_the_list_asks_shows_the_plain_list(admin_client, name):
    response = admin_client.get(place(Product), {name: "(a+)+$"})
    assert (response.status_code, response["Location"]) == (302, f"{place(Product)}?e=1")
