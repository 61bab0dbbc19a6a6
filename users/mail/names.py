"""Whom a mail greets: what is surely a name, for whoever registers an address chooses what its owner reads.

A stranger's "name" must not speak in our words: no link, number or sentence. When in doubt there is no name.
"""

import re
import unicodedata

MAX_WORDS, MAX_LETTERS, MAX_IDEOGRAPHS, MAX_MARKS = 2, 20, 4, 3
# What a name is made of once each letter is L and each mark M: "Anna", "O'Neil", "Mary-Jane", "J.R.".
_WORD = re.compile(rf"(LM{{0,{MAX_MARKS}}})+(['-](LM{{0,{MAX_MARKS}}})+)*|(L\.){{1,3}}")
# Thai and Lao vowels that Unicode takes apart although everybody writes them so.
_WHOLE = str.maketrans("", "", "\u0e33\u0eb3")
_APOSTROPHES = dict.fromkeys(map(ord, "’ʼʻ"), "'") | {ord("‐"): "-"}
# Alphabets that one name mixes: Japanese is written in three.
_JAPANESE = {"CJK", "HIRAGANA", "KATAKANA"}


def greeted_name(name: str) -> str:
    """The name for a greeting; empty when it is none, or not surely one."""
    name = unicodedata.normalize("NFC", name).strip(" ")
    words = name.split(" ")
    if len(words) > MAX_WORDS or not all(map(_is_name, words)):
        return ""
    return name if len(_alphabets(name)) == 1 else ""


def _is_name(word: str) -> bool:
    word = word.translate(_APOSTROPHES)
    plain = word.translate(_WHOLE)
    if len(word) > MAX_LETTERS or unicodedata.normalize("NFKC", plain) != plain:
        return False  # letters dressed up as others
    ideographs = sum(unicodedata.name(c, "").startswith("CJK") for c in word)
    return ideographs <= MAX_IDEOGRAPHS and _WORD.fullmatch("".join(map(_kind, word))) is not None


def _kind(character: str) -> str:
    """L for a letter, M for a mark, else the character itself (a digit, punctuation: no part of a name)."""
    category = unicodedata.category(character)
    if category in {"Lu", "Ll", "Lt"} or (category == "Lo" and _alphabet(character) != "LATIN") or character == "ー":
        return "L"
    if category in {"Mn", "Mc"}:
        return "M"
    return character


def _alphabet(letter: str) -> str:
    """The alphabet by the first word of the letter's Unicode name: LATIN, CYRILLIC, HANGUL …"""
    word = unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
    return "Japanese" if word in _JAPANESE else word


def _alphabets(name: str) -> set[str]:
    return {_alphabet(c) for c in name if unicodedata.category(c).startswith("L") and c not in "ʼʻ"}
