"""What synonyms and rules do to results, through both APIs: pages, totals, facets, filters, sorts and cursors."""

import random

import pytest

from catalog.models import Product
from catalog.search.steering import services
from catalog.search.steering.inputs import RuleInput, SynonymInput
from catalog.search.steering.models import RuleMatch, SynonymKind
from catalog.search.tests.both_apis import by_graphql, by_rest
from catalog.search.tests.oracle import Search
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.auth.policy import SYSTEM

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.usefixtures("steering")]
FACETS = """query($q: String, $filter: ProductFilter) { products(search: $q, filter: $filter) {
  totalCount facets { brands(first: 100) { count } categories(first: 100) { count category { parent { slug } } }
                      ratings { count } inStock price { ranges { count } } } } }"""


@pytest.fixture(params=["database", "tantivy"])
def each_engine(request, settings):
    settings.SEARCH_ENGINE = request.param
    if request.param == "tantivy":
        request.getfixturevalue("index")
    return request.param


@pytest.fixture(autouse=True)
def _engine(each_engine, settings):
    """All tests run on each engine. Few hits are enough, so that no weaker matches fill the pages up."""
    settings.SEARCH_MIN_HITS = 1


def rule(query="lamp", match=RuleMatch.EQUALS, *, pinned=(), hidden=()):
    """Pins and hides products by their slugs."""
    ids = dict(Product.objects.values_list("slug", "pk"))
    given = RuleInput(
        match=match, query=query, pinned=[ids[slug] for slug in pinned], hidden=[ids[slug] for slug in hidden]
    )
    return services.create_rule(actor=SYSTEM, rule=given)


def one_way(term, *terms):
    services.create_synonym(actor=SYSTEM, synonym=SynonymInput(kind=SynonymKind.ONE_WAY, term=term, terms=terms))


def both_ways(*terms):
    services.create_synonym(actor=SYSTEM, synonym=SynonymInput(kind=SynonymKind.BOTH_WAYS, terms=terms))


def product(slug, name=None, **fields):
    return ProductFactory(slug=slug, name=name or slug.replace("-", " "), **fields)


def results(api, text, *, size=100, **search):
    """The slugs of all pages, the same by both APIs."""
    asked = Search(text=text, **search)
    slugs = by_graphql(api, asked, size)
    assert by_rest(api, asked, size) == slugs
    return slugs


class TestPins:
    @pytest.fixture(autouse=True)
    def _shop(self):
        home = CategoryFactory(slug="home")
        for n in range(6):
            product(f"lamp-{n}", name=f"Lamp {n}", price=10 + n, quantity=n)
        for slug in ("rug", "sofa"):
            product(slug, category=home, price=5, quantity=1)

    @pytest.mark.parametrize("size", [1, 2, 3, 100])
    def test_come_first_in_their_order_and_once(self, shopper, size):
        unpinned = results(shopper, "lamp")
        rule(pinned=["lamp-4", "rug", "lamp-2"])
        slugs = results(shopper, "lamp", size=size)
        assert slugs[:3] == ["lamp-4", "rug", "lamp-2"]
        assert slugs[3:] == [slug for slug in unpinned if slug not in slugs[:3]]
        assert "rug" not in results(shopper, "lamps lamp")

    def test_meet_the_filters_like_all_products(self, shopper):
        rule(pinned=["rug", "lamp-4", "lamp-1"])
        assert results(shopper, "lamp", categories=["home"]) == ["rug"]
        assert results(shopper, "lamp", price=(14, None))[0] == "lamp-4"
        assert results(shopper, "lamp", in_stock=False) == ["lamp-0"]

    def test_stand_in_the_order_of_another_sort(self, shopper):
        rule(pinned=["rug", "lamp-4"])
        slugs = results(shopper, "lamp", sort="PRICE", descending=False, size=2)
        assert slugs == ["rug", *(f"lamp-{n}" for n in range(6))]

    def test_archived_and_deleted_ones_are_left_out(self, shopper):
        rule(pinned=["rug", "sofa", "lamp-4"])
        Product.objects.filter(slug="rug").update(is_active=False)
        Product.objects.get(slug="sofa").delete()
        slugs = results(shopper, "lamp")
        assert slugs[0] == "lamp-4"
        assert len(slugs) == 6

    def test_are_found_where_nothing_else_is(self, shopper):
        rule("gift", pinned=["sofa", "rug"])
        assert results(shopper, "gift", size=1) == ["sofa", "rug"]
        assert results(shopper, "gifts") == []

    def test_a_cursor_outlives_the_change(self, shopper):
        """It is no error, and the pages that follow hold only products that match."""
        query = 'query($after: String) { products(search: "lamp", first: 2, after: $after) { %s } }'
        fields = "nodes { slug } pageInfo { endCursor hasNextPage }"
        first = shopper.graphql(query % fields)["products"]
        rule(pinned=["sofa"], hidden=["lamp-5"])
        slugs, after = [], first["pageInfo"]["endCursor"]
        while after is not None:
            page = shopper.graphql(query % fields, after=after)["products"]
            slugs += [node["slug"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
        assert len(set(slugs)) == len(slugs)
        assert set(slugs) <= {f"lamp-{n}" for n in range(5)}


class TestHidden:
    def test_are_in_no_page_total_or_facet_of_that_text(self, shopper):
        brand = BrandFactory(slug="b")
        for n in range(4):
            product(f"lamp-{n}", brand=brand, rating=4, quantity=1)
        rule(hidden=["lamp-1", "lamp-3"])
        for sort in ("RELEVANCE", "NAME", "PRICE"):
            assert sorted(results(shopper, "lamp", sort=sort, size=1)) == ["lamp-0", "lamp-2"]
        products = shopper.graphql(FACETS, q="lamp")["products"]
        assert products["totalCount"] == 2
        assert products["facets"]["brands"] == [{"count": 2}]
        assert products["facets"]["inStock"] == 2
        assert "lamp-1" in results(shopper, "lamp 1")
        assert len(results(shopper, None)) == 4


class TestSynonyms:
    def test_one_way(self, shopper):
        product("tv", name="TV bench")
        product("television", name="Television stand")
        one_way("tv", "television")
        assert sorted(results(shopper, "tv")) == ["television", "tv"]
        assert results(shopper, "television") == ["television"]
        assert results(shopper, "TV stand") == ["television"]

    def test_both_ways_of_several_words(self, shopper):
        product("couch", name="Green couch")
        product("seat", name="Love seat in green")
        product("words", name="Seat that I love not, green")
        both_ways("couch", "love seat")
        assert set(results(shopper, "couch")) >= {"couch", "seat"}
        assert set(results(shopper, "green love seat")) >= {"couch", "seat"}
        assert "couch" not in results(shopper, "love green seat")
        assert "couch" not in results(shopper, "seat")

    def test_of_words_that_are_written_with_a_hyphen(self, shopper):
        product("tee", name="Red tee")
        product("shirt", name="Red T-shirt")
        one_way("t shirt", "tee")
        assert set(results(shopper, "T-Shirt red")) == {"tee", "shirt"}

    def test_of_words_that_alone_would_not_count(self, shopper):
        product("mug", name="Tall mug")
        product("cup", name="Cup for tea")
        one_way("cup of tea", "mug")
        assert "mug" in results(shopper, "cup of tea")
        assert "mug" not in results(shopper, "cup for tea")

    def test_of_a_measure(self, shopper):
        product("small", name="Cushion 40x60 cm")
        product("large", name="Cushion 60x80 cm")
        one_way("small cushion", "cushion 40 × 60 cm")
        assert results(shopper, "small cushion")[0] == "small"

    def test_a_filter_and_a_sort_apply_to_what_they_find(self, shopper):
        product("tv", name="TV", price=30)
        product("television", name="Television", price=20)
        product("dear", name="Television", price=90)
        one_way("tv", "television")
        assert results(shopper, "tv", sort="PRICE", descending=False, price=(None, 50), size=1) == ["television", "tv"]

    def test_in_other_scripts(self, shopper):
        product("lamp", name="Настольная лампа")
        product("light", name="Светильник")
        both_ways("лампа", "светильник")
        assert set(results(shopper, "ЛАМПА")) == {"lamp", "light"}


@pytest.mark.parametrize("min_hits", [1, 20])
@pytest.mark.parametrize("seed", range(6))
def test_pages_totals_and_facets_agree_whatever_staff_decide(shopper, settings, seed, min_hits):
    """Drawn catalogues and rules, each compared with the sets that they describe; weaker matches may follow these."""
    settings.SEARCH_MIN_HITS = min_hits
    draw = random.Random(seed)
    brands, root = BrandFactory.create_batch(3), CategoryFactory(slug="root")
    categories = [root, *(CategoryFactory(parent=root, slug=f"c{n}") for n in range(2))]
    kinds = {}
    for n in range(30):
        kind = draw.choice(["lamp", "light", "rug", "lamp light"])
        slug = f"p-{n}"
        kinds[slug] = kind
        product(
            slug,
            name=f"{kind.title()} {n}",
            brand=draw.choice(brands),
            category=draw.choice(categories),
            price=draw.randrange(1, 9),
            quantity=draw.randrange(3),
            rating=draw.choice([None, 1, 3, 5]),
        )
    slugs = list(kinds)
    pinned, hidden = draw.sample(slugs, 6), draw.sample(slugs, 5)
    rule(pinned=pinned[:4], hidden=[slug for slug in hidden[:3] if slug not in pinned[:4]])
    rule(match=RuleMatch.CONTAINS, pinned=pinned[2:], hidden=[slug for slug in hidden[2:] if slug not in pinned[2:]])
    one_way("lamp", "light")
    hidden = {
        *(slug for slug in hidden[:3] if slug not in pinned[:4]),
        *(slug for slug in hidden[2:] if slug not in pinned[2:]),
    }
    pins = [slug for slug in pinned if slug not in hidden]
    matching = ({slug for slug, kind in kinds.items() if kind != "rug"} | set(pins)) - hidden
    for price in ((None, None), (3, 6)):
        kept = set(Product.objects.filter(price__range=(price[0] or 0, price[1] or 99)).values_list("slug", flat=True))
        found = results(shopper, "lamp", price=price, size=draw.choice([1, 4, 7]))
        assert found[: len(kept & set(pins))] == [slug for slug in pins if slug in kept]
        assert set(found[: len(matching & kept)]) == matching & kept
        assert not hidden & set(found)
        assert len(found) == len(matching & kept) or min_hits > 1
        assert sorted(results(shopper, "lamp", price=price, sort="RATING", size=5)) == sorted(matching & kept)
        bounds = {name: str(end) for name, end in zip(("min", "max"), price, strict=True) if end is not None}
        products = shopper.graphql(FACETS, q="lamp", filter={"price": bounds})["products"]
        assert products["totalCount"] == len(found)
        assert sum(brand["count"] for brand in products["facets"]["brands"]) == len(found)
        assert sum(each["count"] for each in products["facets"]["price"]["ranges"]) == len(matching) or min_hits > 1


def test_a_hidden_product_repeats_no_other_behind_the_first_block(shopper, monkeypatch):
    monkeypatch.setattr("catalog.search.index.ranking.BLOCK", 5)
    for n in range(20):
        product(f"lamp-{n:02}", "lamp" + " and more" * n)
    rule(hidden=["lamp-00", "lamp-03"])
    slugs = results(shopper, "lamp", size=3)
    assert len(slugs) == len(set(slugs)) == 18
