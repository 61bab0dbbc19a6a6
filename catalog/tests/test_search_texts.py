"""The admin's list of what people look for, and its CSV file."""

import csv
import html
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.models import SearchCount
from catalog.search import counts
from core.tests.actors import actor, holder, permission

pytestmark = pytest.mark.django_db
LIST, CSV = "/admin/catalog/searchcount/", "/admin/catalog/searchcount/csv/"


@pytest.fixture
def viewer(settings):
    settings.SEARCH_COUNTS_DAYS = 90
    client = Client()
    client.force_login(holder("catalog.view_searchcount"))
    return client


def searched(text, *, days_ago=0, searches=1, without_hits=0, hits=5):
    day = datetime.now(UTC).date() - timedelta(days=days_ago)
    values = {"searches": searches, "without_hits": without_hits, "hits": hits}
    return SearchCount.objects.create(day=day, text=counts.key_of(text), typed=text, **values)


def shown(client, **query):
    """The rows of the list, as (text, searches, found nothing, hits)."""
    response = client.get(LIST, query)
    assert response.status_code == 200, response.headers
    rows = response.context["cl"].result_list
    return [(row.typed, row.searches, row.without_hits, row.hits) for row in rows]


def downloaded(client, **query):
    response = client.get(CSV, query)
    assert response.status_code == 200
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))


@pytest.fixture
def days():
    """Three texts over 90 days and a little more."""
    searched("sofa", days_ago=0, searches=4, hits=18)
    searched("sofa", days_ago=6, searches=2, without_hits=2, hits=0)
    searched("küche", days_ago=0, searches=1, without_hits=1, hits=0)
    searched("kuche", days_ago=29, searches=9, without_hits=3, hits=0)
    searched("zeppelin", days_ago=89, searches=50, without_hits=50, hits=0)
    searched("ancient", days_ago=90, searches=99, without_hits=99, hits=0)
    searched("tomorrow", days_ago=-1, searches=99)


SOFA, KITCHEN = ("sofa", 6, 2, 18), ("küche", 10, 4, 0)


def test_days_are_added_up_the_most_searched_first(viewer, days):
    assert shown(viewer) == [KITCHEN, SOFA]
    assert shown(viewer, days="1") == [("sofa", 4, 0, 18), ("küche", 1, 1, 0)]
    assert shown(viewer, days="7") == [SOFA, ("küche", 1, 1, 0)]
    assert shown(viewer, days="30") == [KITCHEN, SOFA]
    assert shown(viewer, days="90") == [("zeppelin", 50, 50, 0), KITCHEN, SOFA]


def test_what_found_nothing_comes_by_how_often(viewer, days):
    """The column of all searches stays what it is in the other list."""
    assert shown(viewer, result="nothing") == [KITCHEN, SOFA]
    assert shown(viewer, result="nothing", days="1") == [("küche", 1, 1, 0)]


def test_a_part_of_a_text_is_found_in_any_case_and_without_accents(viewer, days):
    assert shown(viewer, q="UCH") == [KITCHEN]
    assert shown(viewer, q="chair") == []


def test_hits_are_those_that_are_known_last(viewer):
    searched("lamp", days_ago=2, hits=7)
    searched("lamp", days_ago=1, hits=9)
    searched("lamp", days_ago=0, hits=None)
    searched("vase", hits=None)
    assert shown(viewer) == [("lamp", 3, 0, 9), ("vase", 1, 0, None)]
    page = viewer.get(LIST).content.decode()
    assert "unknown" in page


def test_the_file_holds_all_pages_of_the_list(viewer, days, monkeypatch):
    monkeypatch.setattr(counts, "BATCH", 2)
    for n in range(120):
        searched(f"text {n:03}")
    rows = downloaded(viewer)
    assert rows[0] == ["text", "searches", "found nothing", "hits"]
    assert rows[1:3] == [["küche", "10", "4", "0"], ["sofa", "6", "2", "18"]]
    assert rows[3:] == [[f"text {n:03}", "1", "0", "5"] for n in range(120)]
    assert downloaded(viewer, result="nothing", days="1")[1:] == [["küche", "1", "1", "0"]]
    assert len(shown(viewer, p="2")) == 50


def test_the_page_links_the_file_of_the_same_list(viewer, days):
    page = viewer.get(LIST, {"days": "7", "result": "nothing"}).content.decode()
    assert f'href="{CSV}?days=7&amp;result=nothing"' in page
    response = viewer.get(CSV, {"result": "nothing"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="found-nothing-')


@pytest.mark.parametrize("text", ["=1+1", "+a", "-a", "@sum(a1)", "\t=1", "\r=1", " =1", "＝1"])
def test_a_formula_is_no_formula_in_the_file(viewer, text):
    searched(text)
    assert downloaded(viewer)[1][0] == f"'{text}"


def test_what_strangers_wrote_is_shown_as_text(viewer):
    searched("<script>alert(1)</script>")
    searched('a,"b\nc')
    page = viewer.get(LIST).content.decode()
    assert "<script>alert(1)" not in page
    assert "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>" in page
    assert [row[0] for row in downloaded(viewer)[1:]] == ["<script>alert(1)</script>", 'a,"b\nc']


@pytest.mark.parametrize("path", [LIST, CSV])
def test_both_want_the_permission_to_view(path):
    for kind in ("superuser", "shop staff"):
        client = Client()
        client.force_login(actor(kind))
        assert client.get(path).status_code == 200, kind
    for kind in ("staff with the others", "staff", "shopper with all", "shopper"):
        client = Client()
        user = actor(kind, "catalog.view_searchcount")
        # Whoever may change rows may view them.
        user.user_permissions.remove(permission("catalog.change_searchcount"))
        client.force_login(user)
        # Those who are no staff are sent to sign in.
        assert client.get(path).status_code == (403 if "staff" in kind else 302), kind
    assert Client().get(path).status_code == 302


@pytest.mark.parametrize("query", [{"days": "31"}, {"days": "x"}, {"result": "some"}, {"p": "9"}, {"text__regex": "a"}])
def test_a_question_that_no_link_asks_shows_the_plain_list(viewer, query):
    for path in (LIST, CSV):
        response = viewer.get(path, query)
        assert (response.status_code, response["Location"]) == (302, f"{LIST}?e=1")


def test_the_page_says_when_nothing_is_counted(viewer, settings):
    settings.SEARCH_COUNTS_DAYS = 0
    assert "SEARCH_COUNTS_DAYS is 0" in viewer.get(LIST).content.decode()


def test_a_page_costs_the_same_for_one_row_and_for_many(viewer):
    def statements():
        with CaptureQueriesContext(connection) as queries:
            shown(viewer, days="90")
        return len(queries)

    searched("first")
    shown(viewer)
    few = statements()
    for n in range(120):
        for days_ago in range(3):
            searched(f"text {n}", days_ago=days_ago)
    assert statements() == few


def test_so_many_texts_are_shown(viewer, monkeypatch):
    monkeypatch.setattr(counts, "MAX_TOP_TEXTS", 2)
    for n in (1, 2, 3):
        searched(f"text {n}", searches=n)
    assert [row[0] for row in shown(viewer)] == ["text 3", "text 2"]
    assert len(downloaded(viewer)) == 3


def test_a_text_leads_to_a_new_synonym_and_a_new_rule(settings):
    """For those who may make them; the text stands in the form."""
    searched("sofa & <couch>")
    client = Client()
    client.force_login(holder("catalog.view_searchcount", "catalog.add_synonym", "catalog.add_searchrule"))
    page = client.get(LIST).content.decode()
    links = [
        html.unescape(link) for link in re.findall(r'href="(/admin/catalog/(?:synonym|searchrule)/add/\?[^"]+)"', page)
    ]
    synonym, rule = (client.get(link).context["adminform"].form for link in links)
    assert (synonym["kind"].value(), synonym["term"].value()) == ("ONE_WAY", "sofa & <couch>")
    assert rule["query"].value() == "sofa & <couch>"


def test_who_may_only_look_sees_no_such_links(viewer):
    searched("sofa")
    assert "/add/" not in viewer.get(LIST).content.decode()
