"""What staff decided about a text, as storefronts see it: by GraphQL and REST, on both engines."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import SearchRule
from catalog.search.steering import services
from catalog.search.steering.inputs import RuleInput
from catalog.search.steering.models import RuleMatch
from catalog.tests.factories import CategoryFactory, ProductFactory
from core.auth.policy import SYSTEM
from core.caching import revision

pytestmark = pytest.mark.usefixtures("steering", "each_engine")
REDIRECT = "query($q: String) { products(search: $q) { redirect { name slug parent { slug } } nodes { name } } }"


@pytest.fixture
def lamps():
    """A category that "lamps" redirects to, below Home, with a product in it."""
    lamps = CategoryFactory(name="Lamps", slug="lamps", parent=CategoryFactory(name="Home", slug="home"))
    ProductFactory(name="Green lamps", category=lamps)
    rule = RuleInput(match=RuleMatch.EQUALS, query="Lamps", redirect=lamps.pk)
    services.create_rule(actor=SYSTEM, rule=rule)
    return lamps


class TestRedirect:
    def test_both_apis_name_the_category_beside_the_results(self, shopper, lamps):
        products = shopper.graphql(REDIRECT, q=" LAMPS! ")["products"]
        assert products["redirect"] == {"name": "Lamps", "slug": "lamps", "parent": {"slug": "home"}}
        assert products["nodes"] == [{"name": "Green lamps"}]
        answer = shopper.get("products/search/", q=" LAMPS! ").json()
        assert answer["redirect"] == {"name": "Lamps", "slug": "lamps"}
        assert answer["count"] == 1

    @pytest.mark.parametrize("text", ["green lamps", "lamp", "", "!"])
    def test_other_texts_have_none(self, shopper, lamps, text):
        assert shopper.graphql(REDIRECT, q=text)["products"]["redirect"] is None
        assert shopper.get("products/search/", q=text).json()["redirect"] is None

    def test_neither_has_a_text_whose_category_was_deleted(self, shopper, lamps):
        lamps.products.all().delete()
        lamps.delete()
        assert shopper.graphql(REDIRECT, q="lamps")["products"]["redirect"] is None
        assert shopper.get("products/search/", q="lamps").json()["redirect"] is None
        assert SearchRule.objects.get().redirect is None

    def test_costs_nothing_until_it_is_selected(self, shopper, lamps):
        """Then one query, for the whole tree. Nothing is kept here, as after a write."""
        query = "query($q: String) { products(search: $q) { totalCount %s } }"
        shopper.graphql(query % "redirect { slug }", q="lamps")

        def queries(fields, text):
            revision.bump()
            with CaptureQueriesContext(connection) as captured:
                shopper.graphql(query % fields, q=text)
            return len(captured)

        assert queries("", "lamps") == queries("redirect { slug }", "rug") == queries("", "rug")
        assert queries("redirect { slug name }", "lamps") == queries("", "lamps") + 1

    def test_only_a_text_is_worth_a_look_for_changes(self, shopper, lamps):
        """Without one nothing is asked, and neither is it as long as nothing was written."""

        def queries(text):
            query = "query($q: String) { products(search: $q) { nodes { name } } }"
            with CaptureQueriesContext(connection) as captured:
                shopper.graphql(query, q=text)
            return sum("steeringversion" in each["sql"] for each in captured)

        assert queries("lamps") == 1
        assert queries(None) == queries("") == 0
        assert queries("lamps") == 0
        revision.bump()
        assert queries("lamps") == 1

    def test_alone_it_reads_no_products(self, shopper, lamps):
        answer = shopper.graphql('{ products(search: "lamps") { redirect { slug } } }')
        assert answer == {"products": {"redirect": {"slug": "lamps"}}}
