"""Marks in a name what a search matched."""

import unicodedata
from collections.abc import Iterator
from html import escape
from itertools import pairwise

from catalog.search.matching import EXACT, Word, typos_allowed, words_of
from catalog.search.tokens import parts_of, plain, stem


def highlighted(name: str, text: str, stage: int | None = None) -> str:
    """The name, HTML-escaped, with <mark> around the words that the text matched.

    `stage` is the one that answered (catalog.search.matching); None: words were looked for anywhere within words.
    """
    words = words_of(text)
    runs = list(_runs(name))
    marked: set[int] = set()
    pairs = {stem(left.whole + right.whole) for left, right in pairwise(words)}
    wholes = pairs | {stem(word.whole) for word in words}
    for place, (start, end) in enumerate(runs):
        run = plain(name[start:end])
        if stem(run) in pairs or any(_matches(run, word, word is words[-1], stage) for word in words):
            marked.add(place)
    for place, ((start, middle), (after, end)) in enumerate(pairwise(runs)):
        # "T-Shirt" and "t shirt" are met by "tshirt".
        as_one = plain(name[start:middle]) + plain(name[after:end])
        if stem(as_one) in wholes:
            marked |= {place, place + 1}
    pieces, done = [], 0
    for place in sorted(marked):
        start, end = runs[place]
        pieces += [escape(name[done:start]), "<mark>", escape(name[start:end]), "</mark>"]
        done = end
    return "".join([*pieces, escape(name[done:])])


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


def _matches(run: str, word: Word, last: bool, stage: int | None) -> bool:
    """Whether a word of the name is one that the searched word finds."""
    found = parts_of(run) or [run]
    for token in found:
        if stem(token) == stem(word.whole) or any(stem(token) == stem(part) for part in word.parts):
            return True
        if last and (token.startswith(word.parts[-1]) or token.startswith(word.whole)):
            return True
        if stage is None:
            if any(part in token for part in word.parts):
                return True
        elif stage > EXACT and _is_near(token, word.whole, prefix=last):
            return True
    # "tshirt", met as two words of the name, is marked by its pair; as one compound here.
    return len(found) > 1 and "".join(found) == word.whole


def _is_near(token: str, word: str, *, prefix: bool) -> bool:
    """Whether the token, or a beginning of it, is the word with no more typos than its length allows."""
    most = typos_allowed(word)
    row = list(range(len(word) + 1))
    before: list[int] = []
    reached = False
    for at, c in enumerate(token, 1):
        line = [at]
        for place, wanted in enumerate(word, 1):
            cost = min(row[place] + 1, line[-1] + 1, row[place - 1] + (c != wanted))
            if place > 1 and at > 1 and c == word[place - 2] and token[at - 2] == wanted:
                cost = min(cost, before[place - 2] + 1)
            line.append(cost)
        before, row = row, line
        reached = reached or row[-1] <= most
    return most > 0 and (row[-1] <= most or (prefix and reached))
