"""Finds phrases in the texts of searches. A phrase is one or more words; case, accents and punctuation do not count."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate
from typing import Generic, TypeVar

from catalog.search.analysis.tokens import Word, WordKind, all_words_of

# The parts of a phrase's words: ("t", "shirt") for "T-Shirt" and for "t shirt"; pairs of characters for Chinese.
Phrase = tuple[str, ...]
Value = TypeVar("Value")


def _parts(word: Word) -> Phrase:
    return (word.whole,) if word.kind is WordKind.WHOLE else word.parts


def _written(word: Word) -> str:
    """The word as a text of which `words_of` makes this word again."""
    return "-".join(word.parts) if word.kind is WordKind.PLAIN and len(word.parts) > 1 else word.whole


class Text:
    """The words of a text in order, with their repetitions, and the parts of all of them."""

    def __init__(self, text: str) -> None:
        words = all_words_of(text)
        self.words = tuple(map(_written, words))
        self._parts_by_word = list(map(_parts, words))
        self.parts: Phrase = tuple(part for parts in self._parts_by_word for part in parts)

    @cached_property
    def _word_at(self) -> dict[int, int]:
        """The index of the word that begins at each index of a part. The end of the text counts as a beginning."""
        starts = accumulate((len(parts) for parts in self._parts_by_word), initial=0)
        return {start: index for index, start in enumerate(starts)}

    def words_between(self, start: int, end: int) -> tuple[str, ...] | None:
        """The words that are exactly these parts; None when a word is only partly in them."""
        first, last = self._word_at.get(start), self._word_at.get(end)
        return None if first is None or last is None else self.words[first:last]


def phrase_of(text: str) -> Phrase:
    """The text as a phrase. It is empty when the text is only punctuation."""
    return Text(text).parts


class Phrases(Generic[Value]):
    """Values by phrase. To find all phrases in a text costs a few look-ups a word, however many phrases there are."""

    def __init__(self) -> None:
        self._values: dict[Phrase, list[Value]] = defaultdict(list)
        self._lengths: dict[str, set[int]] = defaultdict(set)

    def add(self, phrase: Phrase, value: Value) -> None:
        self._values[phrase].append(value)
        self._lengths[phrase[0]].add(len(phrase))

    def equal_to(self, parts: Phrase) -> list[Value]:
        """The values of the phrase that is the whole text."""
        return self._values.get(parts, [])

    def within(self, parts: Phrase) -> Iterator[tuple[int, int, list[Value]]]:
        """Each phrase in the text: the indexes of its first part and after its last, and its values."""
        for start, part in enumerate(parts):
            for length in self._lengths.get(part, ()):
                values = self._values.get(parts[start : start + length])
                # At the end of the text fewer parts are left than the phrase has.
                if values and start + length <= len(parts):
                    yield start, start + length, values
