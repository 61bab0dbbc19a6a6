"""The admin of synonyms and search rules, and its preview."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import RuleProduct, SearchRule, SteeringVersion, Synonym
from catalog.search.steering import services
from catalog.search.steering.inputs import RuleInput
from catalog.search.steering.models import RuleMatch
from catalog.search.steering.selectors import read_snapshot
from catalog.tests.factories import CategoryFactory, ProductFactory
from catalog.tests.test_admin import errors_of
from core.auth.policy import SYSTEM
from core.tests.actors import holder, state
from core.tests.test_admin_garbage import GARBAGE

RULES = "/admin/catalog/searchrule/"
SYNONYMS = "/admin/catalog/synonym/"
OURS = (Synonym, SearchRule, RuleProduct, SteeringVersion)

pytestmark = pytest.mark.django_db


def rule_form(**changes):
    """What the form of a rule posts."""
    return {"match": "EQUALS", "query": "lamp", "is_active": "on", "version": "1", **changes}


def synonym_form(**changes):
    """What the form of a synonym posts."""
    return {"kind": "ONE_WAY", "term": "tv", "terms": "television", "is_active": "on", "version": "1", **changes}


def stored() -> RuleInput:
    """The only rule."""
    return next(iter(read_snapshot().rules.values()))


@pytest.fixture
def lamps():
    """Ids of four lamps."""
    return [ProductFactory(name=f"Lamp {n}", sku=f"L-{n}").pk for n in range(4)]


class TestRules:
    def test_are_added_with_their_products_in_order(self, admin_client, lamps):
        home = CategoryFactory()
        form = rule_form(match="CONTAINS", pinned=[lamps[2], lamps[0]], hidden=[lamps[1]], redirect=home.pk)
        assert admin_client.post(f"{RULES}add/", form).status_code == 302
        assert stored() == RuleInput(
            match=RuleMatch.CONTAINS, query="lamp", pinned=[lamps[2], lamps[0]], hidden=[lamps[1]], redirect=home.pk
        )
        page = admin_client.get(f"{RULES}{SearchRule.objects.get().pk}/change/").content.decode()
        assert page.index("L-2") < page.index("L-0") < page.index("L-1")

    def test_are_changed(self, admin_client, lamps):
        admin_client.post(f"{RULES}add/", rule_form(pinned=lamps[:2]))
        row = SearchRule.objects.get()
        form = rule_form(query="Rug", pinned=lamps[1::-1], active_until_0="2999-01-01", active_until_1="00:00")
        assert admin_client.post(f"{RULES}{row.pk}/change/", form).status_code == 302
        assert (stored().query, stored().pinned, stored().active_until.year) == ("Rug", lamps[1::-1], 2999)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("query", ""),
            ("query", "!?"),
            ("query", "x" * 201),
            ("match", "LIKE"),
            ("pinned", [9**17]),
            ("pinned", ["1 OR 1"]),
            ("pinned", ["٣"]),
            ("pinned", ["9" * 30]),
            ("hidden", ["", "\0"]),
            ("redirect", "999999"),
            ("active_from_0", "soon"),
        ],
    )
    def test_refuses(self, admin_client, lamps, field, value):
        response = admin_client.post(f"{RULES}add/", rule_form(**{"hidden": lamps[:1], field: value}), follow=True)
        if field == "pinned" and value == [9**17]:
            # Deleted between the check and the save: told above the form.
            assert "deleted meanwhile" in response.content.decode()
        else:
            assert field.removesuffix("_0") in errors_of(response)
        assert not SearchRule.objects.exists()

    def test_refuses_a_product_that_is_pinned_and_hidden_and_keeps_what_was_chosen(self, admin_client, lamps):
        response = admin_client.post(f"{RULES}add/", rule_form(pinned=lamps[:2], hidden=lamps[1:3]))
        assert "both pinned and hidden" in errors_of(response)["hidden"]
        assert response.content.decode().count('name="pinned" value=') == 2

    def test_a_rule_that_does_nothing_is_refused(self, admin_client):
        assert "does nothing yet" in errors_of(admin_client.post(f"{RULES}add/", rule_form()))["__all__"]

    def test_a_change_of_what_somebody_else_changed_is_refused(self, admin_client, lamps):
        """Whoever is second sees it, and can still read what they typed."""
        admin_client.post(f"{RULES}add/", rule_form(pinned=lamps[:1]))
        path = f"{RULES}{SearchRule.objects.get().pk}/change/"
        assert admin_client.post(path, rule_form(pinned=lamps[:2])).status_code == 302
        for version in ("1", "", "x"):
            response = admin_client.post(path, rule_form(query="mine", pinned=lamps[2:], version=version))
            assert "Somebody else changed this" in errors_of(response)["__all__"] or version == "x"
            assert 'value="mine"' in response.content.decode()
        assert stored().pinned == lamps[:2]

    def test_one_too_many_is_told(self, admin_client, lamps, monkeypatch):
        monkeypatch.setattr(services, "MAX_ROWS", 0)
        page = admin_client.post(f"{RULES}add/", rule_form(pinned=lamps), follow=True)
        assert "There are 0 search rules already" in page.content.decode()
        assert not SearchRule.objects.exists()

    def test_are_deleted_singly_and_together(self, admin_client, lamps):
        for _ in range(3):
            admin_client.post(f"{RULES}add/", rule_form(pinned=lamps))
        first, *others = SearchRule.objects.all()
        assert "L-" not in admin_client.get(f"{RULES}{first.pk}/delete/").content.decode()
        admin_client.post(f"{RULES}{first.pk}/delete/", {"post": "yes"})
        assert SearchRule.objects.count() == 2
        form = {"action": "delete_selected", "_selected_action": [row.pk for row in others], "post": "yes"}
        admin_client.post(RULES, form)
        assert not SearchRule.objects.exists()

    def test_whoever_may_only_look_reads_the_products(self, admin_client, lamps):
        admin_client.post(f"{RULES}add/", rule_form(pinned=lamps[:2], hidden=lamps[2:3]))
        viewer = Client()
        viewer.force_login(holder("catalog.view_searchrule"))
        page = viewer.get(f"{RULES}{SearchRule.objects.get().pk}/change/").content.decode()
        assert all(f"Lamp {n}" in page for n in range(3))
        assert "Preview" not in page


class TestRuleList:
    def shown(self, admin_client):
        """The text of each row's effect and state."""
        page = admin_client.get(RULES)
        admin = page.context["cl"].model_admin
        return {row.query: (admin.effect(row), admin.state(row)) for row in page.context["cl"].result_list}

    def test_says_what_rules_do_and_whether_they_are_in_force(self, admin_client, lamps):
        home, now, day = CategoryFactory(name="Home"), timezone.now(), timedelta(days=1)
        for query, fields in {
            "all": {"pinned": lamps[:2], "hidden": lamps[2:], "redirect": home.pk},
            "off": {"pinned": lamps[:1], "is_active": False},
            "later": {"hidden": lamps[:1], "active_from": now + day},
            "over": {"hidden": lamps[:1], "active_until": now - day},
            "still": {"hidden": lamps[:1], "active_until": now + day},
        }.items():
            rule = RuleInput(match=RuleMatch.EQUALS, query=query, **fields)
            services.create_rule(actor=SYSTEM, rule=rule)
        shown = self.shown(admin_client)
        assert shown["all"] == ("pins 2, hides 2, redirects to Home", "yes")
        assert shown["off"] == ("pins 1", "no: not in use")
        assert shown["later"][1].startswith("from ")
        assert shown["over"][1].startswith("no: ended ")
        assert shown["still"][1].startswith("until ")

    def test_says_when_what_a_rule_named_is_archived_or_gone(self, admin_client):
        home, lamp, rug = CategoryFactory(), ProductFactory(), ProductFactory(is_active=False)
        for query, fields in {
            "lamp": {"pinned": [lamp.pk]},
            "home": {"redirect": home.pk},
            "rug": {"pinned": [rug.pk]},
        }.items():
            services.create_rule(actor=SYSTEM, rule=RuleInput(match=RuleMatch.EQUALS, query=query, **fields))
        home.delete()
        lamp.delete()
        effects = {query: effect for query, (effect, _) in self.shown(admin_client).items()}
        assert effects["rug"] == "pins 1 (1 archived)"
        assert effects["lamp"] == effects["home"] == "⚠ nothing any more: what it named was deleted"
        page = admin_client.get(f"{RULES}{SearchRule.objects.get(query='rug').pk}/change/").content.decode()
        assert "archived: not shown" in page

    def test_costs_the_same_queries_at_1_and_at_20_rows(self, admin_client, lamps):
        def add(count):
            for _ in range(count):
                rule = RuleInput(match=RuleMatch.EQUALS, query="lamp", pinned=lamps, redirect=CategoryFactory().pk)
                services.create_rule(actor=SYSTEM, rule=rule)
            with CaptureQueriesContext(connection) as captured:
                assert admin_client.get(RULES).status_code == 200
            return len(captured)

        assert add(1) == add(19)

    def test_a_search_ignores_case_and_accents(self, admin_client):
        for terms in ("Möbel\nEinrichtung", "tv\ntelevision"):
            Synonym.objects.create(terms=terms)
        for term, found in {"mobel": 1, "EINRICHTUNG möb": 1, "": 2, "x": 0, "tele tv": 1}.items():
            assert admin_client.get(SYNONYMS, {"q": term}).context["cl"].result_count == found


class TestSynonyms:
    def test_are_added_changed_and_deleted(self, admin_client):
        admin_client.post(f"{SYNONYMS}add/", synonym_form(terms="television\r\n\r\n smart  screen \r\n"))
        row = Synonym.objects.get()
        assert str(row) == "tv → television, smart screen"
        form = synonym_form(kind="BOTH_WAYS", term="", terms="tv\ntelly")
        admin_client.post(f"{SYNONYMS}{row.pk}/change/", form)
        row.refresh_from_db()
        assert (str(row), row.version) == ("tv = telly", 2)
        admin_client.post(f"{SYNONYMS}{row.pk}/delete/", {"post": "yes"})
        assert not Synonym.objects.exists()

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"term": ""}, "term"),
            ({"terms": ""}, "terms"),
            ({"terms": "TV"}, "terms"),
            ({"terms": "\n".join(map(str, range(21)))}, "terms"),
            ({"terms": "a b c d e f"}, "terms"),
            ({"kind": "BOTH_WAYS"}, "term"),
            ({"kind": "SIDEWAYS"}, "kind"),
        ],
    )
    def test_refuses(self, admin_client, changes, field):
        assert field in errors_of(admin_client.post(f"{SYNONYMS}add/", synonym_form(**changes)))
        assert not Synonym.objects.exists()


@pytest.mark.usefixtures("each_engine")
class TestPreview:
    def preview(self, client, place, form):
        """The page; nothing was written."""
        before = state(*OURS)
        # As the script of the page sends it.
        body = urlencode(form, doseq=True, errors="surrogatepass")
        response = client.post(place, body, content_type="application/x-www-form-urlencoded")
        assert response.status_code == 200
        assert state(*OURS) == before
        return response

    def test_shows_the_results_of_both(self, admin_client, lamps):
        page = self.preview(admin_client, f"{RULES}preview/", rule_form(pinned=lamps[3:]))
        sides = [shown["side"] for shown in page.context["sides"]]
        assert sides[0].steering.pinned == ()
        assert sides[1].steering.pinned == (lamps[3],)
        assert sides[0].total == 4
        assert "Lamp 3" in page.content.decode()

    def test_takes_the_place_of_what_is_stored(self, admin_client, lamps):
        admin_client.post(f"{RULES}add/", rule_form(pinned=lamps[:1]))
        place = f"{RULES}{SearchRule.objects.get().pk}/preview/"
        page = self.preview(admin_client, place, rule_form(pinned=lamps[1:2], hidden=lamps[2:3]))
        today, edited = (shown["side"].steering for shown in page.context["sides"])
        assert (today.pinned, edited.pinned, edited.hidden) == ((lamps[0],), (lamps[1],), {lamps[2]})

    def test_shows_what_is_not_in_force_as_if_it_were(self, admin_client, lamps):
        form = rule_form(pinned=lamps[:1], active_from_0="2999-01-01", active_from_1="00:00", is_active="")
        page = self.preview(admin_client, f"{RULES}preview/", form)
        assert page.context["sides"][1]["side"].steering.pinned == (lamps[0],)

    def test_of_a_synonym_and_of_another_text(self, admin_client, lamps):
        form = synonym_form(term="light", terms="lamp", preview="my LIGHT!")
        text = self.preview(admin_client, f"{SYNONYMS}preview/", form).content.decode()
        assert "“light” also finds “lamp”" in text
        text = self.preview(admin_client, f"{SYNONYMS}preview/", {**form, "preview": "rug"}).content.decode()
        assert "also finds" not in text
        assert "Nothing is found" in text

    def test_says_the_redirect(self, admin_client):
        form = rule_form(redirect=CategoryFactory(name="Home").pk)
        assert "Redirects to <strong>Home" in self.preview(admin_client, f"{RULES}preview/", form).content.decode()

    def test_of_a_wrong_form_says_what_is_wrong(self, admin_client):
        text = self.preview(admin_client, f"{RULES}preview/", rule_form(query="")).content.decode()
        assert "Correct this first" in text
        assert "Text: This field is required" in text

    def test_is_escaped(self, admin_client):
        ProductFactory(name="<script>lamp</script>")
        form = synonym_form(term="<b>lamp</b>", terms="<i>x", preview="<b>lamp</b>")
        text = self.preview(admin_client, f"{SYNONYMS}preview/", form).content.decode()
        assert "<script>" not in text
        assert "<b>" not in text

    @pytest.mark.parametrize("text", [*GARBAGE[:20], " ".join(map(str, range(60))), "灯" * 200, "\u200b", "..."])
    def test_no_text_is_a_server_error(self, admin_client, lamps, text):
        self.preview(admin_client, f"{RULES}preview/", rule_form(pinned=lamps, preview=text))
        self.preview(admin_client, f"{RULES}preview/", rule_form(pinned=lamps, query=text))
        self.preview(admin_client, f"{SYNONYMS}preview/", synonym_form(term=text, terms=text))

    def test_wants_the_token_of_its_page(self, admin_user):
        client = Client(enforce_csrf_checks=True)
        client.force_login(admin_user)
        assert client.post(f"{RULES}preview/", rule_form()).status_code == 403

    def test_wants_the_permission_to_save(self, admin_client, lamps):
        admin_client.post(f"{RULES}add/", rule_form(pinned=lamps[:1]))
        new, old = f"{RULES}preview/", f"{RULES}{SearchRule.objects.get().pk}/preview/"
        for permission, expected in {
            "catalog.add_searchrule": (200, 403),
            "catalog.change_searchrule": (403, 200),
            "catalog.view_searchrule": (403, 403),
            "catalog.change_product": (403, 403),
        }.items():
            client = Client()
            client.force_login(holder(permission))
            answers = tuple(client.post(place, rule_form(pinned=lamps[:1])).status_code for place in (new, old))
            assert answers == expected
            assert client.get(new).status_code in (403, 405)
        assert Client().post(new, rule_form()).status_code == 302
        assert admin_client.get(new).status_code == 405
        assert admin_client.post(f"{RULES}999/preview/", rule_form()).status_code == 404
        assert admin_client.post(f"{RULES}x/preview/", rule_form()).status_code == 404


def test_the_preview_marks_what_is_new_gone_and_moved(admin_client, each_engine):
    products = {name: ProductFactory(name=name).pk for name in ("Lamp A", "Lamp B", "Lamp C", "Lamp D", "Rug")}
    form = rule_form(pinned=[products["Rug"], products["Lamp C"]], hidden=[products["Lamp A"]])
    today, edited = admin_client.post(f"{RULES}preview/", form).context["sides"]

    def rows(shown):
        return [(row.product.name, row.other_place, row.is_pinned) for row, _ in shown["rows"]]

    assert rows(today) == [("Lamp A", None, False), ("Lamp B", 3, False), ("Lamp C", 2, False), ("Lamp D", 4, False)]
    assert rows(edited) == [("Rug", None, True), ("Lamp C", 3, True), ("Lamp B", 2, False), ("Lamp D", 4, False)]
    assert (today["side"].total, edited["side"].total) == (4, 4)
    up = edited["rows"][1][0]
    down = edited["rows"][2][0]
    assert (up.places_up, up.places_down, down.places_up, down.places_down) == (1, 0, 0, 1)
