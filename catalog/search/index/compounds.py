"""Takes compounds apart by the words that the shop's names have: "Regenjacke" is found by "Jacke" and by "Regen"."""

from collections.abc import Iterator

from catalog.search.analysis.languages import LINKING_LETTERS, languages
from catalog.search.index.terms import Vocabulary

MIN_PART_LETTERS, MAX_LETTERS = 3, 30
# A shorter word is the end of too many others by accident: "Eis" of "Reis".
MIN_CERTAIN_LETTERS = 4


def can_be_taken_apart(word: str) -> bool:
    return MIN_PART_LETTERS <= len(word) <= MAX_LETTERS and word.isalpha() and word < "\u0590"


def compounds_with(word: str, vocabulary: Vocabulary) -> list[str]:
    """The stems of names whose last or first part is the word."""
    if not can_be_taken_apart(word):
        return []
    found = []
    # A word that stands nowhere alone can be nothing but a part.
    certain = (languages().compounds and len(word) >= MIN_CERTAIN_LETTERS) or not vocabulary.has(word)
    for end in dict.fromkeys((word, *languages().stems(word))):
        if len(end) < MIN_PART_LETTERS:
            continue
        for reversed_word in vocabulary.with_prefix("name_ends", end[::-1]):
            compound = reversed_word[::-1]
            if _is_first_part(compound[: len(compound) - len(end)], vocabulary, certain):
                found += [compound, *languages().stems(compound)]
    if len(word) >= MIN_CERTAIN_LETTERS:
        longer = vocabulary.with_prefix("name", word)
        found += [compound for compound in longer if _is_last_part(compound[len(word) :], vocabulary, certain)]
    return list(dict.fromkeys(found))


def parts_of_compound(word: str, vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    """The pairs of words of the shop that make the word when they are joined, with linking letters between or none."""
    if not can_be_taken_apart(word):
        return
    for place in range(MIN_PART_LETTERS, len(word) - MIN_PART_LETTERS + 1):
        last = word[place:]
        if vocabulary.has(last):
            first = next((part for part in _without_link(word[:place]) if vocabulary.has(part)), None)
            if first:
                yield first, last


def _without_link(part: str) -> Iterator[str]:
    """A first part, as it is and without each of the linking letters that it ends with."""
    for link in LINKING_LETTERS if languages().compounds else ("",):
        if part.endswith(link) and len(part) - len(link) >= MIN_PART_LETTERS:
            yield part[: len(part) - len(link)]


def _is_first_part(part: str, vocabulary: Vocabulary, certain: bool) -> bool:
    """Whether what stands before the word can be a word: it is one of the shop's, or others begin with it too."""
    if len(part) < MIN_PART_LETTERS:
        return False
    return (
        certain
        or any(vocabulary.has(first) for first in _without_link(part))
        or len(vocabulary.with_prefix("name", part)) > 1
    )


def _is_last_part(part: str, vocabulary: Vocabulary, certain: bool) -> bool:
    if len(part) < MIN_PART_LETTERS:
        return False
    return certain or vocabulary.has(part)
