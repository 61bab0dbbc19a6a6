"""Which synonyms and rules a text gets, whatever it is written in; and that a look-up is bounded."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import example, given

from catalog.search.criteria import NO_STEERING
from catalog.search.steering.inputs import RuleInput, SynonymInput
from catalog.search.steering.models import RuleMatch, SynonymKind
from catalog.search.steering.phrases import phrase_of
from catalog.search.steering.snapshot import (
    EMPTY,
    MAX_ALTERNATIVES_OF_TEXT,
    MAX_HIDDEN_OF_TEXT,
    MAX_PINNED_OF_TEXT,
    Snapshot,
)
from catalog.search.tests.test_text_bounds import texts


def both_ways(*terms: str) -> SynonymInput:
    return SynonymInput(kind=SynonymKind.BOTH_WAYS, terms=terms)


def one_way(term: str, *terms: str) -> SynonymInput:
    return SynonymInput(kind=SynonymKind.ONE_WAY, term=term, terms=terms)


def equals(query: str, **rule) -> RuleInput:
    return RuleInput(match=RuleMatch.EQUALS, query=query, **rule)


def contains(query: str, **rule) -> RuleInput:
    return RuleInput(match=RuleMatch.CONTAINS, query=query, **rule)


def snapshot(*entries: SynonymInput | RuleInput) -> Snapshot:
    """A snapshot with these entries, the first of which is the oldest."""
    numbered = list(enumerate(entries, start=1))
    return Snapshot(
        {pk: entry for pk, entry in numbered if isinstance(entry, SynonymInput)},
        {pk: entry for pk, entry in numbered if isinstance(entry, RuleInput)},
    )


class TestSynonyms:
    def test_one_way_goes_one_way(self):
        tv = snapshot(one_way("tv", "television", "smart screen"))
        assert tv.steering_of("cheap TV stand").synonyms == ((("tv",), (("television",), ("smart", "screen"))),)
        assert tv.steering_of("television") is NO_STEERING

    def test_both_ways_goes_from_each_term_to_the_others(self):
        sofa = snapshot(both_ways("sofa", "couch", "love seat"))
        assert sofa.steering_of("couch").synonyms == ((("couch",), (("sofa",), ("love", "seat"))),)
        assert sofa.steering_of("love seat").synonyms == ((("love", "seat"), (("sofa",), ("couch",))),)
        assert sofa.steering_of("seat love") is NO_STEERING

    def test_a_word_of_several_synonyms_gets_the_terms_of_all_once(self):
        many = snapshot(both_ways("sofa", "couch"), one_way("sofa", "Couch", "settee"))
        assert many.steering_of("sofa").synonyms == ((("sofa",), (("couch",), ("settee",))),)

    def test_synonyms_are_not_followed_further(self):
        """Otherwise one careless synonym would join half the shop."""
        chain = snapshot(one_way("a", "b"), one_way("b", "c"))
        assert chain.steering_of("a").synonyms == ((("a",), (("b",),)),)

    def test_the_words_are_those_of_the_text(self):
        """The engine looks for them there."""
        shirt = snapshot(one_way("t shirt", "tee"))
        assert shirt.steering_of("red T-Shirt, blue").synonyms == ((("t-shirt",), (("tee",),)),)
        assert shirt.steering_of("t shirt").synonyms == ((("t", "shirt"), (("tee",),)),)
        # Half a word is not replaced.
        assert shirt.steering_of("sweat-t shirt") is NO_STEERING

    def test_one_that_is_switched_off_does_nothing(self):
        off = SynonymInput(kind=SynonymKind.ONE_WAY, term="tv", terms=["television"], is_active=False)
        assert snapshot(off).steering_of("tv") is NO_STEERING

    def test_all_of_a_text_together_are_bounded(self):
        many = snapshot(*(one_way(f"w{n}", *(f"w{n}x{k}" for k in range(20))) for n in range(50)))
        synonyms = many.steering_of(" ".join(f"w{n}" for n in range(50))).synonyms
        assert sum(len(alternatives) for _, alternatives in synonyms) == MAX_ALTERNATIVES_OF_TEXT
        assert all(alternatives for _, alternatives in synonyms)


class TestRules:
    @pytest.mark.parametrize("text", ["Table Lamp", "table  lamp", "TABLE-LAMP!", "täble lámp", "“table” (lamp)"])
    def test_case_accents_and_punctuation_do_not_count(self, text):
        for rule in (equals("table lamp", pinned=[1]), contains("table lamp", pinned=[1])):
            assert snapshot(rule).steering_of(text).pinned == (1,)

    @pytest.mark.parametrize(
        ("text", "is_equal", "is_contained"),
        [
            ("table lamp", True, True),
            ("small table lamp", False, True),
            ("table lamp, usb lamp", False, True),
            ("usb lamp, table lamp", False, True),
            ("lamp table lamp", False, True),
            ("lamp table", False, False),
            ("table and lamp", False, False),
            ("table lamps", False, False),
            ("tablelamp", False, False),
            ("table", False, False),
            ("a table", False, False),
        ],
    )
    def test_whole_words_in_sequence(self, text, is_equal, is_contained):
        assert (snapshot(equals("table lamp", hidden=[1])).steering_of(text).hidden == {1}) == is_equal
        assert (snapshot(contains("table lamp", hidden=[1])).steering_of(text).hidden == {1}) == is_contained

    @pytest.mark.parametrize(
        ("text", "is_contained"),
        [
            ("台灯", True),
            ("红色台灯", True),
            ("红色台灯，大号", True),
            ("灯台", False),
            ("台 灯", False),
            ("床头灯", False),
        ],
    )
    def test_without_spaces_between_words_they_are_found_anywhere(self, text, is_contained):
        assert bool(snapshot(contains("台灯", pinned=[1])).steering_of(text).pinned) == is_contained

    @pytest.mark.parametrize(
        ("query", "text"), [("40 x 60 cm", "rug 40×60cm"), ("4 1/2 in", "4-1/2 inch pipe"), ("c++", "C++ book")]
    )
    def test_measures_are_the_same_however_they_are_written(self, query, text):
        assert snapshot(contains(query, pinned=[1])).steering_of(text).pinned == (1,)

    def test_equal_ones_come_first_then_the_longest_then_the_oldest(self):
        rules = snapshot(
            contains("lamp", pinned=[1, 2], redirect=1),
            contains("table lamp", pinned=[3, 1], redirect=2),
            contains("lamp", pinned=[4]),
            equals("table lamp", pinned=[5]),
        )
        steering = rules.steering_of("table lamp")
        assert steering.pinned == (5, 3, 1, 2, 4)
        assert steering.redirect == 2
        assert rules.steering_of("lamp").redirect == 1

    def test_a_product_that_one_rule_pins_and_another_hides_is_hidden(self):
        steering = snapshot(equals("lamp", pinned=[1, 2]), contains("lamp", hidden=[2])).steering_of("lamp")
        assert (steering.pinned, steering.hidden) == ((1,), {2})

    def test_they_are_in_force_from_their_start_until_their_end(self):
        now, hour = timezone.now(), timedelta(hours=1)
        for start, end, in_force in [
            (None, None, True),
            (now - hour, None, True),
            (now + hour, None, False),
            (None, now + hour, True),
            (None, now - hour, False),
            (now - hour, now + hour, True),
        ]:
            rule = equals("lamp", pinned=[1], active_from=start, active_until=end)
            assert bool(snapshot(rule).steering_of("lamp").pinned) == in_force
        assert snapshot(equals("lamp", pinned=[1], is_active=False)).steering_of("lamp") is NO_STEERING

    def test_what_a_text_gets_of_all_rules_is_bounded(self):
        rules = [
            contains("lamp", pinned=range(n * 120, n * 120 + 20), hidden=range(n * 120 + 20, n * 120 + 120))
            for n in range(1000)
        ]
        steering = snapshot(*rules).steering_of("lamp " * 30)
        assert len(steering.pinned) == MAX_PINNED_OF_TEXT
        assert len(steering.hidden) == MAX_HIDDEN_OF_TEXT

    @pytest.mark.parametrize("text", ["灯", "настольная лампа", "مصباح", "ไฟ", "👨‍👩‍👧", "c++", "½", "a" * 200])
    def test_texts_of_every_script_are_found(self, text):
        assert snapshot(equals(text, pinned=[1])).steering_of(f" {text.upper()} ").pinned == (1,)


@given(text=texts, term=texts)
@example(text="", term="!")
@example(text="...", term="\u200b")
@example(text=" ".join(str(n) for n in range(50)), term="49")
def test_no_text_raises(text, term):
    """Neither what shoppers nor what staff type, and a rule for a text applies to that text."""
    entries = [both_ways(term, "b"), one_way(term, text), equals(term, pinned=[1]), contains(term, hidden=[2])]
    steering = snapshot(*entries).steering_of(text)
    for words, alternatives in steering.synonyms:
        assert words
        assert all(alternatives)
    assert (1 in steering.pinned) == (bool(phrase_of(text)) and phrase_of(text) == phrase_of(term))
    own = snapshot(*entries).steering_of(term)
    assert own.hidden == ({2} if phrase_of(term) else set())
    assert EMPTY.steering_of(text) is NO_STEERING
