"""Marks what a search matched in the names of products."""

import unicodedata
from collections.abc import Iterable, Iterator
from html import escape
from itertools import pairwise

from catalog.search.analysis.languages import languages
from catalog.search.analysis.tokens import Word, WordKind, parts_of, significant_words, words_of
from catalog.search.analysis.unspaced import UNSPACED
from catalog.search.strategy import STRICT, MatchLevel
from catalog.search.typos import is_near, typos_of
from catalog.text import plain

# The shortest word that is marked in a compound.
MIN_LETTERS_INSIDE = 3
Span = tuple[int, int]


class Highlighter:
    """Marks what one text matched, in many names. A word that occurs in several of them is compared once."""

    def __init__(
        self,
        text: str,
        level: MatchLevel | None,
        unknown_words: Iterable[Word] | None = None,
        synonyms: Iterable[Word] = (),
    ) -> None:
        """`level` says how strictly the text was matched. None is for the database, which also matches inside words.

        `unknown_words` are those that may have typos, by default all. `synonyms` were matched as well as the text.
        """
        self._words = significant_words(words_of(text))
        self._last = self._words[-1] if self._words else None
        is_tolerant = level is not None and level.strategy > STRICT.strategy
        self._typos = typos_of(self._words if unknown_words is None else unknown_words) if is_tolerant else {}
        self._is_database = level is None
        self._looks_inside = level is None or is_tolerant or languages().compounds
        self._pairs = {left.whole + right.whole for left, right in pairwise(self._words)}
        self._words += synonyms
        self._wholes = self._pairs | {word.whole for word in self._words}
        self._stems = {stem for whole in self._wholes for stem in languages().stems(whole)}
        self._known: dict[str, bool] = {}

    def __call__(self, name: str) -> str:
        """The name, HTML-escaped, with <mark> around the words that the text matched."""
        runs = list(_runs(name))
        folded = [plain(name[start:end]) for start, end in runs]
        measured = self._measured(name)
        spans: list[Span] = []
        for index, (run, span) in enumerate(zip(folded, runs, strict=True)):
            # "tshirt" matches "T-Shirt" and "t shirt".
            neighbours = [run + folded[index + 1]] if index + 1 < len(runs) else []
            neighbours += [folded[index - 1] + run] if index else []
            if UNSPACED.search(run):
                spans += self._unspaced(run, span)
            elif run in measured or self._is_matched(run) or any(map(self._is_whole, neighbours)):
                spans.append(span)
        pieces, copied = [], 0
        for start, end in spans:
            pieces += [escape(name[copied:start]), "<mark>", escape(name[start:end]), "</mark>"]
            copied = end
        return "".join([*pieces, escape(name[copied:])])

    def _is_whole(self, joined: str) -> bool:
        return not self._stems.isdisjoint(languages().stems(joined))

    def _measured(self, name: str) -> set[str]:
        """The words of the name's dimensions and quantities that the text names in any form."""
        wanted = {word.whole for word in self._words if word.kind is WordKind.WHOLE}
        if not wanted:
            return set()
        words = [word for word in words_of(name) if wanted & {word.whole, *word.others}]
        return {token for word in words for token in (word.whole, *word.parts, *word.others)}

    def _unspaced(self, run: str, span: Span) -> Iterator[Span]:
        """The places of the text's words in a run without spaces, or of their bigrams."""
        wanted = [word for word in self._words if word.kind is WordKind.UNSPACED]
        matched: set[int] = set()
        for word in wanted:
            for token in [word.whole] if word.whole in run else word.parts:
                at = run.find(token)
                while at >= 0:
                    matched.update(range(at, at + len(token)))
                    at = run.find(token, at + 1)
        if matched and len(run) != span[1] - span[0]:
            # Folding has moved the letters.
            yield span
            return
        for at in sorted(matched):
            if at - 1 not in matched:
                end = next(end for end in range(at + 1, len(run) + 1) if end not in matched)
                yield span[0] + at, span[0] + end

    def _is_matched(self, run: str) -> bool:
        if run not in self._known:
            is_pair = any(languages().stems(pair) == languages().stems(run) for pair in self._pairs)
            self._known[run] = is_pair or any(self._matches(run, word) for word in self._words)
        return self._known[run]

    def _matches(self, run: str, word: Word) -> bool:
        """Whether the searched word matches a word of the name."""
        if word.kind is WordKind.UNSPACED:
            return False
        tokens, stems = parts_of(run) or [run], languages().stems
        for token in tokens:
            if any(not set(stems(token)).isdisjoint(stems(part)) for part in (word.whole, *word.parts)):
                return True
            if word is self._last and (token.startswith(word.parts[-1]) or token.startswith(word.whole)):
                return True
            if self._is_database and any(part in token for part in word.parts):
                return True
            if self._looks_inside and any(_is_inside(part, token) for part in stems(word.whole)):
                return True
            if is_near(token, word.whole, self._typos.get(word.whole, 0), prefix=False):
                return True
        # "tshirt" matches the compound "t-shirt". As two words of a name, `__call__` marks it.
        return len(tokens) > 1 and "".join(tokens) == word.whole


def _is_inside(part: str, token: str) -> bool:
    """Whether the token may be a compound with the part."""
    is_long = len(part) >= MIN_LETTERS_INSIDE and len(token) >= len(part) + MIN_LETTERS_INSIDE
    return is_long and (token.startswith(part) or any(stem.endswith(part) for stem in languages().stems(token)))


def _runs(name: str) -> Iterator[Span]:
    """Where the words of a name begin and end."""
    start = None
    for index, c in enumerate(f"{name} "):
        category = unicodedata.category(c)
        inside = category[0] in "LNMS" or (category == "Cf" and start is not None)
        if inside and start is None:
            start = index
        elif not inside and start is not None:
            yield start, index
            start = None
