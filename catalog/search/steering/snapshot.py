"""All synonyms and rules that are in use, in memory, so that a search asks the database for none of them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from django.utils import timezone

from catalog.search.criteria import NO_STEERING, Steering
from catalog.search.steering.inputs import RuleInput, SynonymInput
from catalog.search.steering.models import RuleMatch, SynonymKind
from catalog.search.steering.phrases import Phrase, Phrases, Text, phrase_of
from core.caching.conditions import valid_until

# What one text can get of all its synonyms and rules together.
MAX_ALTERNATIVES_OF_TEXT = 50
MAX_PINNED_OF_TEXT = 100
MAX_HIDDEN_OF_TEXT = 1000


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule with what orders those of one text: equal ones first, then the longest, then the oldest."""

    order: tuple[bool, int, float]
    rule: RuleInput

    def is_in_force(self, now: datetime) -> bool:
        start, end = self.rule.active_from, self.rule.active_until
        return (start is None or start <= now) and (end is None or now < end)

    def next_change(self, now: datetime) -> datetime | None:
        """When it comes into force or ends; None when it stays as it is."""
        moments = (self.rule.active_from, self.rule.active_until)
        return min((moment for moment in moments if moment is not None and moment > now), default=None)


@dataclass(frozen=True, slots=True)
class _Term:
    """A term that is searched for, and the synonyms of it, which for both ways include itself."""

    phrase: Phrase
    alternatives: tuple[tuple[Phrase, tuple[str, ...]], ...]


class Snapshot:
    """The synonyms and rules that are in use at one moment, by their ids. A key of None is one that is not stored."""

    # Of the SteeringVersion that it was read at; None before the first.
    token: str | None = None

    def __init__(self, synonyms: Mapping[int | None, SynonymInput], rules: Mapping[int | None, RuleInput]) -> None:
        self.synonyms = {pk: synonym for pk, synonym in synonyms.items() if synonym.is_active}
        self.rules = {pk: rule for pk, rule in rules.items() if rule.is_active}
        self._terms: Phrases[_Term] = Phrases()
        self._equal: Phrases[_Rule] = Phrases()
        self._contained: Phrases[_Rule] = Phrases()
        for synonym in self.synonyms.values():
            self._add_synonym(synonym)
        for pk, rule in self.rules.items():
            phrase = phrase_of(rule.query)
            equals = rule.match == RuleMatch.EQUALS
            if phrase:
                order = (not equals, -len(phrase), math.inf if pk is None else pk)
                (self._equal if equals else self._contained).add(phrase, _Rule(order, rule))

    def _add_synonym(self, synonym: SynonymInput) -> None:
        texts = [text for term in synonym.terms if (text := Text(term)).parts]
        alternatives = tuple((text.parts, text.words) for text in texts)
        one_way = synonym.kind == SynonymKind.ONE_WAY
        searched = [phrase_of(synonym.term)] if one_way else [text.parts for text in texts]
        for phrase in filter(None, searched):
            self._terms.add(phrase, _Term(phrase, alternatives))

    def steering_of(self, typed: str) -> Steering:
        """What staff decided about a text."""
        if not self.synonyms and not self.rules:
            return NO_STEERING
        text = Text(typed)
        synonyms = self._synonyms_of(text)
        rules = self._rules_of(text)
        if not synonyms and not rules:
            return NO_STEERING
        hidden = _first(MAX_HIDDEN_OF_TEXT, (pk for rule in rules for pk in rule.hidden))
        pinned = _first(MAX_PINNED_OF_TEXT, (pk for rule in rules for pk in rule.pinned if pk not in hidden))
        redirects = (rule.redirect for rule in rules if rule.redirect is not None)
        return Steering(
            pinned=tuple(pinned), hidden=frozenset(hidden), synonyms=synonyms, redirect=next(redirects, None)
        )

    def _rules_of(self, text: Text) -> list[RuleInput]:
        """The rules for the text that are in force now, the most important first."""
        contained = (values for _, _, values in self._contained.within(text.parts))
        # A phrase that comes twice in the text is found twice.
        matching = {rule.order: rule for rule in chain(self._equal.equal_to(text.parts), *contained)}
        if not matching:
            return []
        now = timezone.now()
        for matched in matching.values():
            if (moment := matched.next_change(now)) is not None:
                valid_until(moment)
        return [matching[order].rule for order in sorted(matching) if matching[order].is_in_force(now)]

    def _synonyms_of(self, text: Text) -> tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...]:
        """The words of the text that have synonyms, each with all of them."""
        by_words: dict[tuple[str, ...], dict[tuple[str, ...], None]] = {}
        remaining = MAX_ALTERNATIVES_OF_TEXT
        for start, end, terms in self._terms.within(text.parts):
            replaced = text.words_between(start, end)
            if replaced is None or replaced in by_words:
                continue
            alternatives = {
                other: None for term in terms for phrase, other in term.alternatives if phrase != term.phrase
            }
            by_words[replaced] = dict.fromkeys(list(alternatives)[:remaining])
            remaining -= len(by_words[replaced])
        return tuple((replaced, tuple(alternatives)) for replaced, alternatives in by_words.items() if alternatives)


def _first(count: int, ids: Iterable[int]) -> dict[int, None]:
    """The first so many distinct ids, in their order."""
    distinct: dict[int, None] = {}
    for pk in ids:
        if len(distinct) == count:
            break
        distinct[pk] = None
    return distinct


EMPTY = Snapshot({}, {})
