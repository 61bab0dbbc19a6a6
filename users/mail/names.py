"""Decides which names a mail greets with. Anybody can register an address, with a "name" that its owner will read.

Such a name must not carry a message: no link, number or sentence. In doubt the mail greets without a name.
"""

import re
import unicodedata

MAX_WORDS, MAX_LETTERS, MAX_IDEOGRAPHS, MAX_MARKS = 2, 20, 4, 3
# A word of a name, with each letter replaced by L and each mark by M: "Anna", "O'Neil", "Mary-Jane", "J.R.".
_WORD = re.compile(rf"(LM{{0,{MAX_MARKS}}})+(['-](LM{{0,{MAX_MARKS}}})+)*|(L\.){{1,3}}")
# Thai and Lao vowels that NFKC would split, although people write them like this.
_UNSPLIT = str.maketrans("", "", "\u0e33\u0eb3")
_APOSTROPHES = dict.fromkeys(map(ord, "’ʼʻ"), "'") | {ord("‐"): "-"}
# A Japanese name may mix these three.
_JAPANESE = {"CJK", "HIRAGANA", "KATAKANA"}


def greeted_name(name: str) -> str:
    """The name to greet with; empty unless it is certainly a name."""
    name = unicodedata.normalize("NFC", name).strip(" ")
    words = name.split(" ")
    if len(words) > MAX_WORDS or not all(map(_is_name, words)):
        return ""
    return name if len(_alphabets(name)) == 1 else ""


def _is_name(word: str) -> bool:
    word = word.translate(_APOSTROPHES)
    plain = word.translate(_UNSPLIT)
    if len(word) > MAX_LETTERS or unicodedata.normalize("NFKC", plain) != plain:
        return False  # a stylised form of other letters
    ideographs = sum(unicodedata.name(c, "").startswith("CJK") for c in word)
    return ideographs <= MAX_IDEOGRAPHS and _WORD.fullmatch("".join(map(_kind, word))) is not None


def _kind(character: str) -> str:
    """L for a letter, M for a mark, else the character itself: digits and punctuation are no parts of a name."""
    category = unicodedata.category(character)
    if category in {"Lu", "Ll", "Lt"} or (category == "Lo" and _alphabet(character) != "LATIN") or character == "ー":
        return "L"
    if category in {"Mn", "Mc"}:
        return "M"
    return character


def _alphabet(letter: str) -> str:
    """The alphabet: the first word of the letter's Unicode name, such as LATIN, CYRILLIC or HANGUL."""
    word = unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
    return "Japanese" if word in _JAPANESE else word


def _alphabets(name: str) -> set[str]:
    return {_alphabet(c) for c in name if unicodedata.category(c).startswith("L") and c not in "ʼʻ"}
