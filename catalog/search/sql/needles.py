"""What of a word the database looks for. It can only find strings within strings, so forms of a word are made here."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cache
from itertools import pairwise, product

from catalog.search.analysis.irregular import SINGULARS
from catalog.search.analysis.languages import languages
from catalog.search.analysis.tokens import Word, WordKind

# A shorter stem, or one of at most half the word's letters, would be found inside too many others.
MIN_STEM_LETTERS = 3
# Further pairs of characters of a long run are not looked for.
MAX_PAIRS = 20
# Signs that stand for a unit, and what separates a number from its unit and the sides of a thing from each other.
_MARKS = {"in": '"', "ft": "'"}
_BEFORE_UNITS, _BETWEEN_SIDES = ("", " "), ("x", " x ", "×", " × ", "*")
# The longest list of ways to write one dimension or quantity.
MAX_WAYS = 16
_MAX_DENOMINATOR = 16


class Edges(Enum):
    """Where a spelling must be separate from the text around it."""

    NONE = "none"
    BEFORE = "before"
    BOTH = "both"


@dataclass(frozen=True)
class Needles:
    """A text has a word when it contains one string of each group.

    `spellings` are the usual ways to write the word. A name with one of them ranks before others.
    """

    groups: tuple[tuple[str, ...], ...]
    spellings: tuple[str, ...]
    edges: Edges = Edges.BOTH


def needles_of(word: Word) -> Needles:
    """What to look for."""
    if word.kind is WordKind.UNSPACED:
        return Needles(tuple(_unspaced(word.parts[:MAX_PAIRS])), (word.whole,), Edges.NONE)
    if word.kind is WordKind.WHOLE:
        return _whole(word)
    groups = tuple(_shortest({word.whole, *_forms(part)}) for part in word.parts)
    return Needles(groups, tuple(dict.fromkeys((word.whole, "-".join(word.parts), " ".join(word.parts)))))


def _unspaced(bigrams: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The first and the last pair of characters, and one of each two pairs between them.

    So the words of the run may be apart or in another order: a pair that spans two words may be missing.
    """
    yield (bigrams[0],)
    yield from pairwise(bigrams[1:-1])
    yield (bigrams[-1],)


def _forms(word: str) -> set[str]:
    """The word with its stems and its irregular forms."""
    stems = {stem for stem in languages().stems(word) if _is_long_enough(stem, word)}
    # "batteries" has the stem "batteri".
    singulars = [f"{word[:-3]}y"] if word.endswith("ies") else []
    return {word, *stems, *_irregular_forms(word), *singulars}


def _is_long_enough(stem: str, word: str) -> bool:
    # Arabic articles and conjunctions are written on to words whose stems have three letters.
    return len(stem) >= MIN_STEM_LETTERS and (2 * len(stem) > len(word) or not word.isascii())


def _shortest(strings: set[str]) -> tuple[str, ...]:
    """The strings without those that contain another, which would find no more."""
    return tuple(sorted(s for s in strings if not any(other != s and other in s for other in strings)))


@cache
def _forms_by_singular(language: str) -> dict[str, set[str]]:
    forms: dict[str, set[str]] = {}
    for form, singular in SINGULARS.get(language, {}).items():
        forms.setdefault(singular, {singular}).add(form)
    return forms


def _irregular_forms(word: str) -> set[str]:
    forms: set[str] = set()
    for language in languages().codes:
        if singular := SINGULARS.get(language, {}).get(word):
            forms |= _forms_by_singular(language)[singular]
    return forms


def _whole(word: Word) -> Needles:
    """A dimension or a quantity matches by its numbers, in any unit; c++ as it is."""
    if "+" in word.whole or "#" in word.whole:
        return Needles(((word.whole,),), (word.whole,))
    numbers = [_spellings(number) for number in word.parts]
    if len(numbers) > 1:
        ways = [between.join(sides) for between in _BETWEEN_SIDES for sides in product(*numbers)]
    else:
        unit = word.whole.removeprefix(word.parts[0])
        units = dict.fromkeys([unit, *_MARKS.get(unit, ""), *(other for other in word.others if other.isalpha())])
        ways = [f"{number}{before}{unit}" for unit in units for before in _BEFORE_UNITS for number in numbers[0]]
    return Needles(tuple(map(tuple, numbers)), tuple(dict.fromkeys([word.whole, *ways]))[:MAX_WAYS], Edges.BEFORE)


def _spellings(number: str) -> list[str]:
    """The ways to write a number: 4.5, 4,5 and 4 1/2."""
    if not number.replace(".", "", 1).isdigit():
        return [number]
    if "." not in number:
        return [number, f"{int(number):,}"] if int(number) >= 1000 else [number]
    spellings = [number, number.replace(".", ",")]
    value = Fraction(number)
    if value.denominator in (2, 4, 8, _MAX_DENOMINATOR):
        whole, rest = divmod(value.numerator, value.denominator)
        fraction = f"{rest}/{value.denominator}"
        spellings += [f"{whole} {fraction}", f"{whole}-{fraction}"] if whole else [fraction]
    return spellings
