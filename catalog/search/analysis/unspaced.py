"""Text that is written without spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese; Korean compounds.

Such a run is matched by its bigrams: every pair of neighbouring characters.
"""

import re

_HAN = "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3105-\u312f"
_HANGUL = "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb"
_SOUTH_EAST = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\uaa60-\uaa7f"
UNSPACED = re.compile(f"[{_HAN}{_KANA}{_HANGUL}{_SOUTH_EAST}]+")
# A change of script within a run usually is the end of a word.
_WORDS = re.compile(
    f"[{_HAN}]+|[\u3041-\u3096\u309d-\u309f]+|[\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff]+|[\u3105-\u312f]+|[{_HANGUL}]+|[{_SOUTH_EAST}]+"
)
_IDEOGRAPH = re.compile(f"[{_HAN}]")
_SYLLABIC = re.compile(f"[{_HAN}{_HANGUL}]+")
_HANGUL_WORD = re.compile(f"[{_HANGUL}]+")
# Particles that are written on the end of a Korean word, the longer ones first.
_PARTICLES = (
    *("에서는", "으로는", "에게서", "이라도", "까지", "부터", "에서", "에게", "으로", "하고", "이나", "처럼", "보다"),
    *("을", "를", "이", "가", "은", "는", "의", "에", "와", "과", "도", "로", "만", "나", "랑"),
)


def bigrams(run: str) -> list[str]:
    """The distinct pairs of neighbouring characters, in order; a single character is itself."""
    return list(dict.fromkeys(all_bigrams(run)))


def all_bigrams(run: str) -> list[str]:
    """The pairs of neighbouring characters, in order; a single character is itself."""
    return [run[place : place + 2] for place in range(len(run) - 1)] or [run]


def is_ideograph(c: str) -> bool:
    """Whether the character is a word by itself in Chinese or Japanese."""
    return _IDEOGRAPH.match(c) is not None


def is_syllabic(word: str) -> bool:
    """Whether the word is of ideographs or Hangul, whose pairs are words already."""
    return _SYLLABIC.fullmatch(word) is not None


def words_of_run(run: str) -> list[str]:
    """The parts of a run that are each in one script."""
    return _WORDS.findall(run)


def without_particle(word: str) -> str:
    """A Korean word without the particle at its end; other words as they are."""
    if not _HANGUL_WORD.fullmatch(word):
        return word
    endings = (ending for ending in _PARTICLES if word.endswith(ending) and len(word) - len(ending) >= 2)
    return word[: len(word) - len(next(endings, ""))]
