"""The languages of a shop's texts: stems, stop words and compounds (setting SEARCH_LANGUAGES).

All words here are folded. A word of the Latin script has a stem in each of the shop's languages. Words of other scripts
are stemmed by their script, whatever the setting says.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TypeVar

import tantivy
from django.conf import settings

from catalog.search.analysis.irregular import SINGULARS
from catalog.text import plain

Value = TypeVar("Value")
# By ISO 639-1 code, the name of Tantivy's stemmer. Without one: written without spaces, or matched as written.
STEMMERS = {
    **{"ar": "Arabic", "da": "Danish", "nl": "Dutch", "en": "English", "fi": "Finnish", "fr": "French"},
    **{"de": "German", "el": "Greek", "hu": "Hungarian", "it": "Italian", "nb": "Norwegian", "pt": "Portuguese"},
    **{"ro": "Romanian", "ru": "Russian", "es": "Spanish", "sv": "Swedish", "ta": "Tamil", "tr": "Turkish"},
}
# Both written forms of Norwegian have one stemmer.
ALIASES = {"no": "nb", "nn": "nb"}
# Their words are joined without a space: "Regenjacke", "fietshelm", "cykelhjälm".
COMPOUNDING = frozenset({"da", "de", "fi", "hu", "nb", "nl", "sv"})
# What a first part may get before the second: Liebling-s-hose, Kind-er-rad, Schwein-e-stall, barn-a-.
LINKING_LETTERS = ("", "s", "es", "n", "en", "e", "er", "a", "o", "u")
# The stems of longer words are not kept: strangers write words of any length, and a shop's words are shorter.
MAX_KEPT_LETTERS, MAX_KEPT_WORDS = 40, 200_000
_SCRIPTS = (
    ("\u0370", "\u03ff", "el"),
    ("\u0400", "\u052f", "ru"),
    ("\u0600", "\u06ff", "ar"),
    ("\u0b80", "\u0bff", "ta"),
)
# Stop words that Tantivy's lists (Snowball's and, for English, Lucene's) lack, or hold with accents only.
_MORE_STOP_WORDS = {
    "ar": "في من على الى إلى عن مع هذا هذه ذلك التي الذي او أو ثم لا ما كل بين عند هو هي",
    "da": "på når også så få går når vær hos uden til",
    "de": "für über während würde würden könnte können könnten müssen wäre wären dafür darüber zum zur beim vom ins",
    "el": "ο η το οι τα του της των τον την στο στη στην στον για με σε από και ή να που μια ένα ένας είναι ως",
    "en": """about after all any am been can do does from get had has have he her his how i its me my new off our ours
        per she so than them those too up us want was were we what when where which who why you your""",
    "es": "él más sí también está qué mí tú aún sólo según así este esta",
    "fi": "että myös sekä tämä nämä mitä jää ilman kanssa varten",
    "fr": "à pour par sans sous chez entre avec dans sur plus même où là très déjà",
    "hu": "és egy nem hogy már még csak után között szét például után",
    "it": "è più perché così già però anche senza",
    "nb": "på når også så få går da hos uten til",
    "nl": "één voor zonder",
    "pt": "é à às não já só até também há você são está sem para",
    "ro": "și si în in la de cu pe pentru din un o unei unui ale al a sau care este fără prin",
    "ru": "для из под при без со",
    "sv": "är från på när än då för också där här två utan till hos",
    "ta": "ஒரு மற்றும் இந்த அந்த",
    "tr": "ve ile için bir bu da de mi mu en çok gibi veya ya olan",
}
_ARABIC_PREFIX = re.compile("^و?(?:ال|بال|كال|فال|لل)|^و")
_ARABIC_SUFFIX = re.compile("(?:ها|ان|ات|ون|ين|يه|ه|ي)$")


def _analyzer(token_filter: tantivy.Filter) -> tantivy.TextAnalyzer:
    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).filter(token_filter).build()


def _light_arabic(word: str) -> str:
    """The stem by light10 (Larkey, Ballesteros and Connell, 2007): article, conjunction and suffixes are removed."""
    prefix = _ARABIC_PREFIX.match(word)
    if prefix and len(word) - prefix.end() >= (2 if prefix.end() > 1 else 3):
        word = word[prefix.end() :]
    suffix = _ARABIC_SUFFIX.search(word)
    return word[: suffix.start()] if suffix and suffix.start() >= 2 else word


# What the stemmers miss: stem or word, by language.
_BEFORE = {
    "pt": [
        (re.compile("(?:oes|aes|aos)$"), "ao"),
        (re.compile("ais$"), "al"),
        (re.compile("eis$"), "el"),
        (re.compile("ois$"), "ol"),
    ],
}
_AFTER = {
    "es": [(re.compile("z$"), "c")],
    # A vowel that comes and goes: "носок" and "носки", "чашек" and "чашка".
    "ru": [(re.compile("(?<=..)[ое]([кнц])$"), r"\1")],
    # "stövel" and "stövlar", "sykkel" and "sykler".
    **{code: [(re.compile(r"([bdfgklmnprstv])\1?e?l$"), r"\1l")] for code in ("da", "nb", "sv")},
}


def _stemmer(language: str) -> Callable[[str], str]:
    if language == "ar":
        return _light_arabic
    analyze = _analyzer(tantivy.Filter.stemmer(STEMMERS[language])).analyze
    singulars = SINGULARS.get(language, {})
    before, after = _BEFORE.get(language, ()), _AFTER.get(language, ())

    def stem(word: str) -> str:
        word = singulars.get(word, word)
        for pattern, ending in before:
            word = pattern.sub(ending, word)
        word = (analyze(word) or [word])[0]
        if language == "nl":
            # The stemmer makes "fiets" of "fietsen", and "fiet" of "fiets".
            word = (analyze(word) or [word])[0]
        for pattern, ending in after:
            word = pattern.sub(ending, word)
        return word

    return stem


def _stop_words(language: str) -> Callable[[str], bool]:
    """Whether a folded word is a stop word of the language."""
    more = {plain(word) for word in _MORE_STOP_WORDS.get(language, "").split()}
    try:
        analyze = _analyzer(tantivy.Filter.stopword(STEMMERS[language])).analyze
    except ValueError:
        return more.__contains__
    return lambda word: word in more or not analyze(word)


class KeptWords(dict[str, Value]):
    """What a function makes of words, kept for the usual ones."""

    def __init__(self, make: Callable[[str], Value]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, word: str) -> Value:
        value = self._make(word)
        if len(word) <= MAX_KEPT_LETTERS:
            if len(self) >= MAX_KEPT_WORDS:
                self.clear()
            self[word] = value
        return value


@dataclass(frozen=True)
class Languages:
    """The languages that a shop's texts are written in."""

    codes: tuple[str, ...]

    @cached_property
    def _stemmers(self) -> list[Callable[[str], str]]:
        """Those of the languages in the Latin script."""
        others = {language for *_, language in _SCRIPTS}
        return [_stemmer(code) for code in self.codes if code in STEMMERS and code not in others]

    @cached_property
    def _other_stemmers(self) -> list[tuple[str, str, Callable[[str], str]]]:
        return [(first, last, _stemmer(language)) for first, last, language in _SCRIPTS]

    @cached_property
    def _are_stop_words(self) -> list[Callable[[str], bool]]:
        codes = {*self.codes, *(language for *_, language in _SCRIPTS)}
        return [_stop_words(code) for code in sorted(codes) if code in STEMMERS]

    @cached_property
    def compounds(self) -> bool:
        """Whether one of the languages joins words to compounds."""
        return not COMPOUNDING.isdisjoint(self.codes)

    def stems(self, word: str) -> tuple[str, ...]:
        """The word's distinct stems, that in the first language first; the word itself when it has none."""
        return self.kept_stems[word]

    @cached_property
    def kept_stems(self) -> KeptWords[tuple[str, ...]]:
        """The stems of each word."""
        return KeptWords(self._make_stems)

    def _make_stems(self, word: str) -> tuple[str, ...]:
        first = word[:1]
        if first < "\u0370":
            return tuple(dict.fromkeys(stem(word) for stem in self._stemmers)) or (word,)
        return next((((stem(word)),) for low, high, stem in self._other_stemmers if low <= first <= high), (word,))

    def is_stop_word(self, word: str) -> bool:
        """Whether the word is a stop word in one of the languages."""
        return self._kept_stop_words[word]

    @cached_property
    def _kept_stop_words(self) -> KeptWords[bool]:
        return KeptWords(lambda word: any(is_stop_word(word) for is_stop_word in self._are_stop_words))


@cache
def _languages(codes: tuple[str, ...]) -> Languages:
    return Languages(codes)


def languages() -> Languages:
    """The languages of the setting SEARCH_LANGUAGES."""
    return _languages(tuple(dict.fromkeys(ALIASES.get(code, code) for code in settings.SEARCH_LANGUAGES)))


def all_languages() -> Languages:
    """All languages, for words that the shop's own say nothing of."""
    return _languages(tuple(STEMMERS))
