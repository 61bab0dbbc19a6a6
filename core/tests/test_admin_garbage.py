"""Nothing that is sent to the admin, however wrong, is a server error: every page of every registered model."""

import itertools

import pytest
from django.test import Client

from core.tests.actors import actor
from core.tests.test_policy_admin import ADMINS, MODELS, NAMES, place, rows  # noqa: F401

pytestmark = pytest.mark.django_db

GARBAGE = [
    *("abc", "", " ", "-1", "0", "1.5", "1e400", "NaN", "9" * 18, "9" * 19, "9" * 20, "9" * 400, "-" + "9" * 30),
    *("\0", "a\0b", "٣", "🛋", "\ud800", "%", "'", '"', "\\", "../..", "_", "_5F", "None", "null", "true", "[]", "{}"),
    *("2024-13-45", "0000-00-00", "99999-01-01", "a" * 3_000, "1,2", "1;2", "__in", "pk", "1" + "0" * 5_000),
]


@pytest.fixture
def client(rows):  # noqa: F811
    """A superuser's browser; an exception in a view is an answer of 500, as it is for people."""
    client = Client(raise_request_exception=False)
    client.force_login(actor("superuser"))
    return client


def quoted(text):
    """The text as a form or a URL carries it, a lone surrogate as its bytes."""
    return text.encode("utf-8", "surrogatepass")


def lookups(model, page, request):
    """Every parameter that the list of the model may be given."""
    yield from ("q", "o", "p", "all", "e", "_popup", "_to_field", "_changelist_filters", "_facets", "x", "pk", "id__in")
    yield from ("pk__exact", "id__isnull", "pk__gt", "pk__range", "pk__year", "x__y__z", "__", "pk__", "password")
    for each in page.get_list_filter(request):
        if isinstance(each, str):
            kinds = ("", "__exact", "__in", "__isnull", "__gt", "__id__exact", "__date", "__year", "__range", "__x")
            yield from (each + kind for kind in kinds)
        else:
            yield each.parameter_name
    if page.date_hierarchy:
        kinds = ("__year", "__month", "__day", "__gte", "__lt", "__date", "__week", "", "__in", "__hour", "__isnull")
        yield from (page.date_hierarchy + kind for kind in kinds)


def assert_no_server_error(response, told):
    assert response.status_code < 500, (response.status_code, told)


@pytest.mark.parametrize(("model", "page"), ADMINS, ids=NAMES)
def test_every_parameter_of_a_list(client, rf, model, page):
    request = rf.get("/")
    request.user = actor("superuser")
    for name, value in itertools.product(lookups(model, page, request), GARBAGE):
        response = client.get(place(model), {name: quoted(value)})
        assert_no_server_error(response, (name, value[:40]))
