"""Marks in a name what a search matched."""

import unicodedata
from collections.abc import Iterator
from html import escape
from itertools import pairwise

from catalog.search.index.matching import EXACT, Word, typos_of, words_of
from catalog.search.tokens import parts_of, plain, stem
from catalog.search.typos import is_near


class Highlighter:
    """Marks what one text matched, in any number of names: a word that many of them have is looked at once."""

    def __init__(self, text: str, stage: int | None = None) -> None:
        """`stage` is the one that answered (index.matching); None: words were looked for within words."""
        self._stage = stage
        self._words = words_of(text)
        self._typos = typos_of(self._words) if stage is not None and stage > EXACT else {}
        self._pairs = {stem(left.whole + right.whole) for left, right in pairwise(self._words)}
        self._wholes = self._pairs | {stem(word.whole) for word in self._words}
        self._known: dict[str, bool] = {}

    def __call__(self, name: str) -> str:
        """The name, HTML-escaped, with <mark> around the words that the text matched."""
        runs = list(_runs(name))
        folded = [plain(name[start:end]) for start, end in runs]
        marked = {place for place, run in enumerate(folded) if self._is_matched(run)}
        for place, (left, right) in enumerate(pairwise(folded)):
            # "T-Shirt" and "t shirt" are met by "tshirt".
            if stem(left + right) in self._wholes:
                marked |= {place, place + 1}
        pieces, done = [], 0
        for place in sorted(marked):
            start, end = runs[place]
            pieces += [escape(name[done:start]), "<mark>", escape(name[start:end]), "</mark>"]
            done = end
        return "".join([*pieces, escape(name[done:])])

    def _is_matched(self, run: str) -> bool:
        if run not in self._known:
            self._known[run] = stem(run) in self._pairs or any(
                self._matches(run, word, word is self._words[-1]) for word in self._words
            )
        return self._known[run]

    def _matches(self, run: str, word: Word, last: bool) -> bool:
        """Whether a word of the name is one that the searched word finds."""
        tokens = parts_of(run) or [run]
        for token in tokens:
            if stem(token) == stem(word.whole) or any(stem(token) == stem(part) for part in word.parts):
                return True
            if last and (token.startswith(word.parts[-1]) or token.startswith(word.whole)):
                return True
            if self._stage is None:
                if any(part in token for part in word.parts):
                    return True
            elif is_near(token, word.whole, self._typos.get(word.whole, 0), prefix=last):
                return True
        # "tshirt", met as two words of the name, is marked by its pair; as one compound here.
        return len(tokens) > 1 and "".join(tokens) == word.whole


def _runs(name: str) -> Iterator[tuple[int, int]]:
    """Where the words of a name begin and end."""
    start = None
    for place, c in enumerate(f"{name} "):
        inside = unicodedata.category(c)[0] in "LNMS"
        if inside and start is None:
            start = place
        elif not inside and start is not None:
            yield start, place
            start = None
