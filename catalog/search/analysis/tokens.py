"""Splits texts into words, for the index and for searches."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from catalog.search.analysis.languages import KeptWords, all_languages, languages
from catalog.search.analysis.measures import Measure, measures_of
from catalog.search.analysis.unspaced import (
    UNSPACED,
    all_bigrams,
    bigrams,
    is_ideograph,
    without_particle,
    words_of_run,
)
from catalog.text import plain

# Longer tokens are not words.
MAX_TOKEN_BYTES = 255
_NO_LETTER = {code: " " for code in range(128) if not chr(code).isalnum()}
# A text without a digit, a joint and a symbol after a letter has only single words. They are faster to find.
_NOT_SIMPLE = re.compile(r"[0-9#+]|[a-z][^a-z\s]+[a-z]", re.ASCII)
MIN_REVERSED_LETTERS = 5
_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_POSSESSIVE = re.compile(r"\w['’]s\W*$")
# C#, F#, C++.
_SYMBOL_WORD = re.compile(r"(?<!\w)[a-z](?:#|\+\+)(?![\w#+])")


class WordKind(Enum):
    """How a word is matched."""

    # By its stem, and as written.
    PLAIN = "plain"
    # As one token: 40x60, 18v, c++.
    WHOLE = "whole"
    # By its bigrams.
    UNSPACED = "unspaced"


@dataclass(frozen=True)
class Word:
    """A word of a text, folded. "t-shirt" has two parts, "40 × 60 cm" its numbers, and a run of Chinese its bigrams."""

    parts: tuple[str, ...]
    whole: str
    kind: WordKind = WordKind.PLAIN
    # Further tokens that the index holds for it: its unit as written, and each side with its unit.
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tokens:
    """The tokens of a text for the fields of the index, separated by spaces."""

    # Stems, in the order of the words.
    stems: str
    # Words as written.
    words: str


def parts_of(piece: str) -> list[str]:
    """The runs of letters and digits in a folded piece of text; a piece of symbols alone (an emoji) is one run."""
    if piece.isascii():
        return piece.translate(_NO_LETTER).split()
    kinds = [unicodedata.category(c)[0] for c in piece]
    if not {"L", "N"} & set(kinds):
        symbols = "".join(c for c, kind in zip(piece, kinds, strict=True) if kind == "S")
        return [symbols] if symbols else []
    return "".join(c if kind in "LNM" else " " for c, kind in zip(piece, kinds, strict=True)).split()


def words_of(text: str) -> list[Word]:
    """The distinct words of a text, in order; none when it has only punctuation and invisible characters."""
    return list(dict.fromkeys(all_words_of(text)))


def all_words_of(text: str) -> list[Word]:
    """The words of a text in order, with their repetitions."""
    return list(_words(plain(text)))


def significant_words(words: list[Word]) -> list[Word]:
    """The words without stop words, unless there are no others."""
    return [word for word in words if not _is_stop_word(word)] or words


def is_foreign_stop_word(word: Word) -> bool:
    """Whether the word is a stop word in a language that the shop may not have named. Single letters are none."""
    long_enough = word.kind is WordKind.PLAIN and len(word.whole) > 1
    return long_enough and all(map(all_languages().is_stop_word, word.parts))


def _is_stop_word(word: Word) -> bool:
    if word.kind is WordKind.UNSPACED:
        # A single kana is a particle or the end of a word.
        return len(word.whole) == 1 and "\u3040" <= word.whole <= "\u30ff"
    return word.kind is WordKind.PLAIN and all(map(languages().is_stop_word, word.parts))


def _words(folded: str) -> Iterator[Word]:
    """The words of a folded text, in order."""
    at = 0
    for start, end, word in _whole_words(folded):
        if start >= at:
            yield from _simple_words(folded[at:start])
            yield word
            at = end
    yield from _simple_words(folded[at:])


def _whole_words(folded: str) -> list[tuple[int, int, Word]]:
    """The words that are matched as one token, with the places where they begin and end."""
    words = []
    if any(c.isdigit() for c in folded):
        words = [(measure.start, measure.end, _measured(folded, measure)) for measure in measures_of(folded)]
    if "#" in folded or "+" in folded:
        symbols = list(_SYMBOL_WORD.finditer(folded))
        words += [(match.start(), match.end(), Word((match[0][0],), match[0], WordKind.WHOLE)) for match in symbols]
    return sorted(words, key=lambda place: place[0])


def _measured(folded: str, measure: Measure) -> Word:
    units = [part for part in re.findall(r"[^\W\d]+", folded[measure.start : measure.end]) if part not in ("x", "m")]
    return Word(measure.numbers, measure.whole, WordKind.WHOLE, tuple(dict.fromkeys([*units, *measure.forms])))


def _simple_words(folded: str) -> Iterator[Word]:
    for piece in folded.split():
        parts = parts_of(piece)
        if piece.isascii() or not UNSPACED.search(piece):
            if parts:
                whole = "".join(parts)
                # "women's" is "women", or "womens".
                is_possessive = len(parts) == 2 and _POSSESSIVE.search(piece)
                yield Word(tuple(parts[:1] if is_possessive else parts), whole)
            continue
        for part in parts:
            at = 0
            for run in UNSPACED.finditer(part):
                if run.start() > at:
                    yield Word((part[at : run.start()],), part[at : run.start()])
                for word in words_of_run(run[0]):
                    bare = without_particle(word)
                    yield Word(tuple(bigrams(bare)), bare, WordKind.UNSPACED)
                at = run.end()
            if at < len(part):
                yield Word((part[at:],), part[at:])


# What ends the part of a name that says what the thing is: "Tent pegs, steel", "Stand (black) for lamps".
_END_OF_SUBJECT = re.compile(r"\s[-–—|]\s|[,:(\[]")
_CONJUNCTIONS = frozenset(("and", "und", "et", "y", "e", "en", "och", "og", "ja", "es", "и", "και", "ve", "و", "n"))


def subject_of(name: str) -> str:
    """The stems of the word that says what the product is: the last one before the first comma or preposition.

    "tent" of "Dome tent for two, green", so that it comes before "Tent pegs".
    """
    shop = languages()
    for clause in _END_OF_SUBJECT.split(plain(name)):
        subject = ""
        for word in _last_parts(clause):
            if shop.is_stop_word(word) and word not in _CONJUNCTIONS:
                if subject:
                    break
            elif word not in _CONJUNCTIONS:
                subject = word
        if subject:
            return " ".join(shop.stems(subject))
    return ""


def _last_parts(folded: str) -> list[str]:
    """The last part of each plain word."""
    if _is_simple(folded):
        return folded.translate(_NO_LETTER).split()
    return [word.parts[-1] for word in _words(folded) if word.kind is WordKind.PLAIN]


def _is_simple(folded: str) -> bool:
    """Whether a folded text has single words in Latin letters only."""
    return folded.isascii() and not _NOT_SIMPLE.search(folded)


def is_indexable(token: str) -> bool:
    """Whether the token is short enough for the index."""
    return len(token) <= MAX_TOKEN_BYTES and len(token.encode()) <= MAX_TOKEN_BYTES


def tokens_of(text: str) -> Tokens:
    """The tokens of a text for the index."""
    folded = plain(text)
    if _is_simple(folded):
        words = folded.translate(_NO_LETTER).split()
        return _tokens(words, words, [])
    in_order: list[str] = []
    as_written: list[str] = []
    joined: list[str] = []
    for word in _words(folded):
        if word.kind is WordKind.UNSPACED:
            as_written.append(word.whole)
        else:
            in_order += word.parts
            as_written += word.parts
            if word.whole not in word.parts:
                joined.append(word.whole)
            joined += word.others
    for run in UNSPACED.findall(folded):
        in_order += all_bigrams(run)
        joined += [c for c in run if is_ideograph(c)] if len(run) > 1 else []
    return _tokens(in_order, [*as_written, *joined], joined)


def _tokens(in_order: list[str], as_written: list[str], joined: list[str]) -> Tokens:
    stems_of = languages().kept_stems.__getitem__
    all_stems = [*map(stems_of, in_order)]
    stems = [stems[0] for stems in all_stems]
    stems += [stem for stems in all_stems if len(stems) > 1 for stem in stems[1:]]
    stems += [stem for word in joined for stem in stems_of(word)]
    return Tokens(" ".join(stems), " ".join(as_written))


def reversed_tokens(tokens: Tokens) -> str:
    """The stems and words of a text from their last letter to their first, for the last parts of compounds."""
    return " ".join(filter(None, map(_reversed.__getitem__, dict.fromkeys(f"{tokens.stems} {tokens.words}".split()))))


def _reversed_word(word: str) -> str:
    """The word from its last letter on; nothing for words that are no compounds."""
    return word[::-1] if len(word) >= MIN_REVERSED_LETTERS and word < "\u0590" and word.isalpha() else ""


_reversed = KeptWords(_reversed_word)


def sku_tokens(sku: str) -> str:
    """The tokens of an SKU: its parts, also written as one, and without the zeros that its numbers begin with."""
    parts = parts_of(plain(sku))
    whole = "".join(parts)
    stripped = [without_leading_zeros(part) for part in parts]
    return " ".join(dict.fromkeys((*parts, whole, *stripped, "".join(stripped), without_leading_zeros(whole))))


def without_leading_zeros(token: str) -> str:
    """The token whose numbers do not begin with zeros."""
    return _LEADING_ZEROS.sub("", token)
