"""Marks what a search matched in the names of products."""

import unicodedata
from collections.abc import Iterator
from html import escape
from itertools import pairwise

from catalog.search.strategy import STRICT, MatchLevel
from catalog.search.tokens import Word, parts_of, plain, stem, words_of
from catalog.search.typos import is_near, typos_of


class Highlighter:
    """Marks what one text matched, in many names. A word that occurs in several of them is compared once."""

    def __init__(self, text: str, level: MatchLevel | None) -> None:
        """`level` says how strictly the text was matched. None is for the database, which also matches inside words."""
        self._level = level
        self._words = words_of(text)
        self._typos = typos_of(self._words) if level is not None and level > STRICT else {}
        self._pairs = {stem(left.whole + right.whole) for left, right in pairwise(self._words)}
        self._wholes = self._pairs | {stem(word.whole) for word in self._words}
        self._known: dict[str, bool] = {}

    def __call__(self, name: str) -> str:
        """The name, HTML-escaped, with <mark> around the words that the text matched."""
        runs = list(_runs(name))
        folded = [plain(name[start:end]) for start, end in runs]
        marked = {index for index, run in enumerate(folded) if self._is_matched(run)}
        for index, (left, right) in enumerate(pairwise(folded)):
            # "tshirt" matches "T-Shirt" and "t shirt".
            if stem(left + right) in self._wholes:
                marked |= {index, index + 1}
        pieces, copied = [], 0
        for index in sorted(marked):
            start, end = runs[index]
            pieces += [escape(name[copied:start]), "<mark>", escape(name[start:end]), "</mark>"]
            copied = end
        return "".join([*pieces, escape(name[copied:])])

    def _is_matched(self, run: str) -> bool:
        if run not in self._known:
            self._known[run] = stem(run) in self._pairs or any(
                self._matches(run, word, word is self._words[-1]) for word in self._words
            )
        return self._known[run]

    def _matches(self, run: str, word: Word, last: bool) -> bool:
        """Whether the searched word matches a word of the name."""
        tokens = parts_of(run) or [run]
        for token in tokens:
            if stem(token) == stem(word.whole) or any(stem(token) == stem(part) for part in word.parts):
                return True
            if last and (token.startswith(word.parts[-1]) or token.startswith(word.whole)):
                return True
            if self._level is None:
                if any(part in token for part in word.parts):
                    return True
            elif is_near(token, word.whole, self._typos.get(word.whole, 0), prefix=last):
                return True
        # "tshirt" matches the compound "t-shirt". As two words of a name, `__call__` marks it.
        return len(tokens) > 1 and "".join(tokens) == word.whole


def _runs(name: str) -> Iterator[tuple[int, int]]:
    """Where the words of a name begin and end."""
    start = None
    for index, c in enumerate(f"{name} "):
        inside = unicodedata.category(c)[0] in "LNMS"
        if inside and start is None:
            start = index
        elif not inside and start is not None:
            yield start, index
            start = None
