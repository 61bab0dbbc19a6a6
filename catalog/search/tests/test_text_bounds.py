"""No text makes a search spend more than a long query does: counted in automata and their bytes, not in seconds."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tantivy import Query

from catalog.schema import context, queries
from catalog.search.analysis.tokens import words_of
from catalog.search.index import suggestions, terms, word_matching
from catalog.search.index.matching import Matching
from catalog.search.typos import (
    MAX_AUTOMATA_SIZE,
    MAX_WORD_BYTES,
    MAX_WORDS_WITH_TYPOS,
    is_near,
    size_of,
    typos_allowed,
)
from catalog.search.validation import MAX_IDS, MAX_TEXT_LENGTH, text_mistake
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from catalog.text import words
from core.tests.clients import Api
from core.tests.examples import examples

pytestmark = pytest.mark.slow

SCRIPTS = {
    **{"latin": "abcdefghijklmnopqrstuvwxyz", "digits": "0123456789", "accents": "éüñßœøİıŁ"},
    **{"cyrillic": "абвгдежзийклм", "arabic": "ابتثجحخدذرزﷺﷻ", "devanagari": "कखगघिीुू्", "thai": "กขคงจิีุู้ำ"},
    **{"han": "一丁七万丈三上下不与丐丑专且", "hangul": "가각간갇갈갉갊감값갓", "kana": "ぁあぃいぅカキクケ"},
    **{"astral": "𝒜𝒞𝒟𝓐𠀀𠀁𠀂𪚥", "emoji": "👨👩👧🎉❤\u200d\ufe0f🇩🇪", "marks": "\u0300\u0301\u0302\u0327\u093e\u0e49"},
    **{"ligatures": "ﬃﬁ㍿㌀½™Ⅷ", "unseen": "\u00ad\u200b\u200c\u200d\u2060\u3164", "signs": "-_./+%&$€§"},
}
letters = st.sampled_from(sorted(SCRIPTS)).flatmap(lambda name: st.sampled_from(SCRIPTS[name]))
any_word = st.one_of(
    st.sampled_from(sorted(SCRIPTS)).flatmap(lambda name: st.text(SCRIPTS[name], min_size=1, max_size=MAX_TEXT_LENGTH)),
    st.text(letters | st.characters(codec="utf-8"), min_size=1, max_size=40),
)
texts = st.tuples(st.lists(any_word, min_size=1, max_size=60), st.sampled_from(" -/")).map(
    lambda drawn: " ".join(drawn[1].join(drawn[0]).split())[:MAX_TEXT_LENGTH].strip()
)
HAN = "".join(chr(0x4E00 + 97 * n) for n in range(MAX_TEXT_LENGTH))


class Automata:
    """Writes down of what each query of near words is made, and lets it be made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[str, int]] = []
        make = terms.near_query

        def near_query(field: str, token: str, allowed: int, *, prefix: bool = False) -> Query:
            if allowed:
                self.made.append((token, allowed))
            # The real one would be built when it is searched for, not here.
            return make(field, token, allowed, prefix=prefix)

        for module in (word_matching, suggestions):
            monkeypatch.setattr(module, "near_query", near_query)

    def check(self, most: int) -> None:
        """That what was made since the last time is no more than a text may cost."""
        assert all(len(token.encode()) <= MAX_WORD_BYTES for token, _ in self.made)
        assert len(self.made) <= most
        assert sum(size_of(token) for token, _ in self.made) <= most * MAX_AUTOMATA_SIZE / MAX_WORDS_WITH_TYPOS
        self.made.clear()


def searcher(*, exists: bool) -> Any:
    """An index that holds every word, or none; whatever is looked for is found."""
    return SimpleNamespace(
        doc_freq=lambda field, term: int(exists),
        terms_with_prefix=lambda field, prefix, limit: [(prefix + letters, 1) for letters in ("er", "ing")] * exists,
        search=lambda query, limit, **more: SimpleNamespace(hits=[(1.0, None)][:limit]),
        fast_field_values=lambda field, addresses: [1 for _ in addresses],
    )


@settings(deadline=None, max_examples=examples(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts, exists=st.booleans())
@example(text=HAN, exists=False)
@example(text=" ".join(HAN[n : n + 9] for n in range(0, 180, 9)), exists=False)
@example(text="-".join(HAN[n : n + 4] for n in range(0, 160, 4)), exists=False)
@example(text=" ".join(f"lamp-{n}" for n in range(30))[:MAX_TEXT_LENGTH], exists=True)
@example(text="ﷺ" * MAX_TEXT_LENGTH, exists=True)
@example(text="각" * MAX_TEXT_LENGTH, exists=False)
def test_no_text_makes_large_automata(monkeypatch: pytest.MonkeyPatch, text: str, exists: bool) -> None:
    with monkeypatch.context() as patched:
        automata = Automata(patched)
        if not words(text) or text_mistake(text):
            return
        query = Matching(searcher(exists=exists), text)
        for level in query.levels():
            query.best(level)
            query.all(level)
            query.rest(level)
        # A word has two automata in each of two fields, and again for its stem; the last also as a prefix.
        automata.check(most=2 * 8 * MAX_WORDS_WITH_TYPOS)
        # Of no model there is a row: only the queries are looked at.
        patched.setattr(suggestions, "_rows", lambda rows, keys, kind: [])
        suggestions.suggest(searcher(exists=exists), words(text), 8)
        automata.check(most=2 * 2 * MAX_WORDS_WITH_TYPOS)


@settings(deadline=None, max_examples=examples(50))
@given(texts)
def test_what_one_engine_takes_for_a_text_the_other_does_too(text: str) -> None:
    # The index is not asked about a text without a word; of any other it gets at least one.
    assert not words(text) or words_of(text)


@settings(deadline=None, max_examples=examples(50))
@given(st.text(), st.text())
def test_near_is_what_an_edit_distance_says(token: str, word: str) -> None:
    def distance(a: str, b: str) -> int:
        rows = [list(range(len(b) + 1))]
        for i, c in enumerate(a, 1):
            rows.append([i])
            for j, d in enumerate(b, 1):
                best = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (c != d))
                if i > 1 and j > 1 and c == b[j - 2] and a[i - 2] == d:
                    best = min(best, rows[i - 2][j - 2] + 1)
                rows[i].append(best)
        return rows[-1][-1]

    for allowed in (1, 2):
        assert is_near(token, word, allowed, prefix=False) == (distance(token, word) <= allowed)
        beginnings = [token[:end] for end in range(1, len(token) + 1)]
        near_one = any(distance(beginning, word) <= allowed for beginning in beginnings)
        assert is_near(token, word, allowed, prefix=True) == (near_one or (not token and len(word) <= allowed))
    assert not is_near(token, word, 0, prefix=True)


def test_words_of_usual_length_keep_their_typos() -> None:
    for text in (
        "waterpoof bluetoth loudspeker wireles charging station portable battery kitchen apliance",
        "беспроводная портативная колонка водонепроницаемая акумуляторная",
        "donaudampfschifffahrtsgesellschaft",
    ):
        allowed = typos_allowed(token for word in words_of(text) for token in word.parts)
        assert all(allowed.values()), allowed


HOSTILE = [
    *(HAN, "ﷺ" * 200, "각" * 200, "𝒜" * 200, "a" + "\u0301" * 199, "ß" * 200, "İ" * 200, "ﬃ" * 200, "👨‍👩‍👧‍👦" * 28),
    *("\u0301" * 200, "\u093e", "\u200d", "\u00ad", "\ue000", "a-" * 100, "abcd-" * 40, "lamp-" * 40),
    *(" ".join("abcdefghijklmnopqrstuvwxyz0123456789"), "กขค" * 66, "हिन्दी" * 33, "(" * 200),
]


@pytest.mark.django_db
@pytest.mark.usefixtures("each_engine")
class TestAnyText:
    """Through the APIs."""

    @pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:8]))
    def test_it_is_answered(self, shopper: Api, text: str, caplog: pytest.LogCaptureFixture) -> None:
        ProductFactory(name="Lamp", brand=BrandFactory(), category=CategoryFactory())
        query = """query($q: String!) { products(search: $q) { totalCount edges { highlight }
            facets { inStock brands { count } } } suggestions(query: $q) { slug } brands(search: $q) { totalCount } }"""
        assert "errors" not in shopper.post(query, q=text).json()
        assert shopper.get("products/search/", q=text, facets="true").status_code == 200
        assert "the index failed" not in caplog.text

    def test_too_many_words_are_refused_wherever_they_are_asked_for(self, shopper: Api) -> None:
        for text in (" ".join(chr(0x4E00 + n) for n in range(60)), "-".join(chr(0x4E00 + n) for n in range(60))):
            assert (
                shopper.error("query($q: String) { products(search: $q) { totalCount } }", q=text)["field"] == "search"
            )
            assert shopper.error("query($q: String!) { suggestions(query: $q) { slug } }", q=text)["field"] == "query"
            assert shopper.error("query($q: String) { brands(search: $q) { totalCount } }", q=text)["field"] == "search"
            assert shopper.get("products/search/", q=text).json()["errors"][0]["attr"] == "q"

    def test_white_space_does_not_count_as_long_as_somebody_may_have_typed_it(self, shopper: Api) -> None:
        ProductFactory(name="Red lamp")
        query = "query($q: String) { products(search: $q) { totalCount } }"
        assert shopper.graphql(query, q=f"red{' ' * 500}lamp")["products"]["totalCount"] == 1
        assert shopper.error(query, q=f"red{' ' * 50_000}lamp")["field"] == "search"


@pytest.mark.django_db
class TestLists:
    """Lists that come in, and lists that go out."""

    @pytest.mark.parametrize(
        ("name", "field"), [("ids", "filter.ids"), ("category", "filter.category"), ("brand", "filter.brand")]
    )
    def test_a_list_that_is_too_long_is_refused_before_it_is_looked_at(
        self, shopper: Api, name: str, field: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked_at: list[object] = []
        monkeypatch.setattr(queries, "key_of", lambda value, kind: looked_at.append(value))
        query = "query($f: ProductFilter) { products(filter: $f) { totalCount } }"
        with CaptureQueriesContext(connection) as captured:
            error = shopper.error(query, f={name: [f"UHJvZHVjdDox{n}" for n in range(1_500)]})
        assert (error["code"], error["field"]) == ("BAD_USER_INPUT", field)
        assert len(looked_at) <= MAX_IDS + 1
        assert not [each for each in captured if "catalog_" in each["sql"]]

    def test_children_of_parents_of_children_end(self, shopper: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        for root in CategoryFactory.create_batch(3):
            CategoryFactory.create_batch(3, parent=root)
        monkeypatch.setattr(context, "MAX_CATEGORIES", 3 + 9)
        assert len(shopper.graphql("{ categories { children { slug } } }")["categories"]) == 3
        error = shopper.error("{ categories { children { parent { children { slug } } } } }")
        assert (error["code"], error["limit"], error["allowed"]) == ("LIMIT_EXCEEDED", "categories", 12)
        assert shopper.graphql("{ categories { children { slug } } }")["categories"]
