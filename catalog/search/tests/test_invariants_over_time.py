"""What holds of searches on the index while it changes, after old cursors, in other languages, for hostile texts."""

import threading
from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from catalog.models import Product
from catalog.search.criteria import SortField
from catalog.search.cursors import decode_cursor, encode_cursor
from catalog.search.engine import engine
from catalog.search.highlight import Highlighter
from catalog.search.index import rebuilding, store, updating
from catalog.search.pages import VALUE_TYPES, Page
from catalog.search.strategy import STRICT, TYPOS, MatchingStrategy, MatchLevel
from catalog.search.tests.mixed_shop import TYPED, fill, walk
from catalog.search.tests.test_text_bounds import any_word
from catalog.search.validation import SearchInput, parse_criteria
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.errors import InvalidInput
from core.tests.examples import examples

MEASURES = (
    *("1/0", "9e999", "1x" * 60, ".5.5.5", "1,5,5", "1/2/3", "m10", "0x0", "1'6\"", "''", "1-1/2\"x3'", "⅐x", "٣×٤"),
    *("#", "+", "c#c++#", "a#+", "40×60×", "1×1×1×1×1×1", "999999999999.999999999999x1", "1/00", "\u3099", "\u0378"),
)
piece = st.one_of(
    *(st.sampled_from(MEASURES), st.sampled_from(TYPED), any_word, st.characters(codec="utf-8").map(str)),
    st.text("0123456789x×*/.,'\"-+#cminft ", max_size=30),
)
any_text = st.tuples(st.lists(piece, min_size=1, max_size=8), st.sampled_from(["", " "])).map(
    lambda drawn: drawn[1].join(drawn[0])[:200]
)
levels = st.sampled_from([None, STRICT, TYPOS, MatchLevel(MatchingStrategy.PARTIAL, 1)])
words = st.lists(st.sampled_from(TYPED), min_size=1, max_size=4).map(" ".join)


def patient(number: int) -> Callable[..., Callable[..., None]]:
    return settings(deadline=None, max_examples=examples(number), suppress_health_check=[*HealthCheck])


@pytest.mark.django_db
@pytest.mark.usefixtures("index")
class TestOnTheIndex:
    """The fixture fails a test when the index failed."""

    def test_any_text_is_answered(self) -> None:
        first = fill(20)[0]
        for text in MEASURES:
            ProductFactory(name=text[:100], description=text, category=first.category, brand=first.brand)

        @patient(300)
        @given(any_text, st.sampled_from(SortField))
        def check(text: str, sort: SortField) -> None:
            try:
                search = engine().resolve(parse_criteria(SearchInput(text=text, sort=sort)))
            except InvalidInput:
                return
            ids = search.page(Page(20)).ids
            assert search.total() >= len(ids)
            for name in Product.objects.filter(pk__in=ids).values_list("name", flat=True):
                assert search.highlight(name).replace("<mark>", "").replace("</mark>", "") == escape(name)

        check()

    def test_cursors_of_any_level_go_on(self, settings: Settings) -> None:
        settings.SEARCH_MIN_HITS = 8
        fill(60)

        @patient(100)
        @given(words, st.sampled_from(SortField), st.sampled_from([None, 1, 2, 3, 4, 11, 999, 1001, 1002, 1003]))
        def check(text: str, sort: SortField, code: int | None) -> None:
            criteria = parse_criteria(SearchInput(text=text, sort=sort))
            first = engine().resolve(criteria).page(Page(3))
            if not first.has_next:
                return
            old = replace(first.positions[-1], level=None if code is None else MatchLevel.from_code(code))
            cursor = encode_cursor(criteria.digest, old)
            position = decode_cursor(cursor, criteria.digest, VALUE_TYPES[sort], "after")
            ids: list[int] = []
            total = engine().resolve(criteria, position).total()
            page = Page(7, position=position)
            while (hits := engine().resolve(criteria, page.position).page(page)).has_next:
                ids += hits.ids
                page = Page(7, position=hits.positions[-1])
            ids += hits.ids
            assert len(set(ids)) == len(ids) <= total
            if sort is SortField.RELEVANCE:
                assert len(ids) == max(0, total - 3)

        check()

    def test_a_walk_while_other_products_come_repeats_none(self, settings: Settings) -> None:
        settings.SEARCH_MIN_HITS = 8
        fill(60)
        others = {"category": CategoryFactory(name="zz"), "brand": BrandFactory(name="zz")}

        @patient(50)
        @given(words, st.sampled_from([SortField.NAME, SortField.PRICE]))
        def check(text: str, sort: SortField) -> None:
            criteria = parse_criteria(SearchInput(text=text, sort=sort))
            ids: list[int] = []
            page = Page(3)
            for _ in range(4):
                hits = engine().resolve(criteria, page.position).page(page)
                ids += hits.ids
                if not hits.has_next:
                    break
                page = Page(3, position=hits.positions[-1])
                ProductFactory(name="quux", **others)
            assert len(set(ids)) == len(ids)

        check()

    def test_other_languages_make_another_index(self, settings: Settings) -> None:
        fill(5)
        updating.bring_up_to_date()
        before = store.current()
        settings.SEARCH_LANGUAGES = ["de", "sv"]
        with pytest.raises(store.IndexUnavailable, match="another version"):
            store.reader.snapshot()
        updating.bring_up_to_date()
        assert store.reader.snapshot().generation != before


@patient(300)
@given(any_text, any_text, levels)
def test_a_highlighted_name_is_the_name_with_marks(text: str, name: str, level: MatchLevel | None) -> None:
    highlight = Highlighter(text, level)
    for marked in map(highlight, (name, text, name + text)):
        assert "<mark></mark>" not in marked
        assert all(part.count("</mark>") == 1 for part in marked.split("<mark>")[1:])
    assert highlight(name).replace("<mark>", "").replace("</mark>", "") == escape(name)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_threads_get_right_answers_during_commits_and_rebuilds(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SEARCH_ENGINE, settings.SEARCH_INDEX_DIR = "tantivy", tmp_path / "index"
    monkeypatch.setattr(store, "reader", store.Reader())
    fill(60)
    others = {"category": CategoryFactory(name="zz"), "brand": BrandFactory(name="zz")}
    rebuilding.rebuild()
    texts = ("lamp", "desk oak", "lmap", "自転車", "40x60", "stehlmape", "for the lamp nothing")
    searches = [parse_criteria(SearchInput(text=text, sort=sort)) for text in texts for sort in (None, SortField.PRICE)]
    expected = [sorted(walk(criteria, 100)) for criteria in searches]
    errors: list[object] = []
    stop = threading.Event()

    def search(turn: int) -> None:
        while not stop.is_set():
            turn += 1
            criteria, ids = searches[turn % len(searches)], expected[turn % len(searches)]
            try:
                resolved = engine().resolve(criteria)
                if resolved.total() != len(ids) or sorted(resolved.page(Page(100)).ids) != ids:
                    errors.append(criteria)
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=search, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for number in range(15):
        ProductFactory(name="quux", **others)
        updating.bring_up_to_date()
        if number % 5 == 0:
            rebuilding.rebuild()
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors
    assert "the index failed" not in caplog.text
