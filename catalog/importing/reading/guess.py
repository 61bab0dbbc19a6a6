"""Guesses the encoding of text that is not Unicode by its letters.

chardet knows which letters follow each other in which language. Two things it cannot know are added: price lists are so
short that several encodings come out alike, and then the one that more shops write is taken; and a few words of
Chinese, Japanese or Korean are told by their characters, which are all common ones under the right encoding only.
"""

import re

import chardet

# Those that spreadsheets write, the more frequent first: chardet's name and Python's codec.
CODECS = {
    "cp1252": "cp1252",
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    "cp1254": "cp1254",
    "cp1253": "cp1253",
    "cp1257": "cp1257",
    "cp1255": "cp1255",
    "cp1256": "cp1256",
    "tis-620": "cp874",
    "cp932": "cp932",
    "gb18030": "gb18030",
    "cp949": "cp949",
    "big5hkscs": "cp950",
    "euc_jis_2004": "euc_jp",
    "mac-roman": "mac_roman",
}
# Results within this share of the best are alike.
ALIKE = 0.88
# For each encoding with two bytes a character: the first bytes of its common characters, and of its punctuation.
COMMON = {
    "cp932": (
        bytes([0x82, 0x83, *range(0x88, 0x98)]),
        bytes([0x81, *range(0xA1, 0xE0)]),
    ),  # half-width kana tell little
    "gb18030": (bytes(range(0xB0, 0xD8)), b"\xa1\xa3"),
    "cp949": (bytes(range(0xB0, 0xC9)), b"\xa1\xa3"),
    "big5hkscs": (bytes(range(0xA4, 0xC7)), b"\xa1\xa2"),
    "euc_jis_2004": (bytes([0xA4, 0xA5, *range(0xB0, 0xD0)]), b"\xa1\xa3"),
}
# Those whose common characters may have a second byte that alone is ASCII.
ASCII_SECOND = ("cp932", "big5hkscs")
COMMON_SHARE, WORD_SHARE = 0.95, 0.5
# Longer lines of a sample are pieces.
LONG_LINE_BYTES = 3_900
DELIMITERS = re.compile(r'[\t\n\r,;|"]')
CELL = re.compile(rb"[^\t\n\r,;|\"]*[\x80-\xff][^\t\n\r,;|\"]*")
NOT_LATIN = ("cp1251", "cp1253", "cp1255", "cp1256", "tis-620")
BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
ACCENT = re.compile(rb"(?<=[A-Za-z])[\x80-\xff]{1,2}|[\x80-\xff]{1,2}(?=[A-Za-z])")
CAPITALS = re.compile(rb"[\x00-\x7f\xc0-\xdf]*")
# No language has such signs within a word, or these at its beginning.
SIGN_IN_WORD = re.compile(r"(?<=[^\W\d_])[¡-¿×÷](?=[^\W\d_])|(?<![^\W\d_])[¢-©¬-´¶-¹](?=[^\W\d_])")
WIDE_WORD = re.compile(r"[^\x00-\xff]{2}")


def guess(sample: bytes) -> str:
    """Python's name of the codec in which the lines of the sample are most probably written."""
    wide = [name for name in COMMON if _is_common(name, sample)]
    if len(wide) == 1:
        return CODECS[wide[0]]
    # The same word in each row tells no more than once.
    text = b"\n".join(dict.fromkeys(CELL.findall(sample)))
    # Accents stand among ASCII letters, Cyrillic and Greek ones among their like.
    is_latin = 2 * len(ACCENT.findall(text)) >= len(BEYOND_ASCII.findall(text))
    names = wide or [name for name in CODECS if not (is_latin and name in NOT_LATIN) and name != "euc_jis_2004"]
    names = [name for name in names if _decodes(sample, CODECS[name])] or names
    if not wide:
        names = [name for name in names if not SIGN_IN_WORD.search(_decoded(sample, CODECS[name]))] or names
    found = chardet.detect_all(
        text, ignore_threshold=True, include_encodings=names, no_match_encoding=names[0], compat_names=False
    )
    scores = {str(one["encoding"]): (one["confidence"], one["language"]) for one in found}
    best = max((score for score, _ in scores.values()), default=0)
    alike = [name for name in CODECS if name in scores and scores[name][0] >= ALIKE * best]
    # Turkish has six letters where Windows-1252 has Icelandic ones.
    if "cp1254" in alike and scores.get("cp1252", (0, ""))[1] == "is":
        return "cp1254"
    return CODECS[alike[0]] if alike else "cp1252"


def _decodes(sample: bytes, codec: str) -> bool:
    try:
        _decoded(sample, codec)
    except UnicodeError:
        return False
    return True


def _decoded(sample: bytes, codec: str) -> str:
    """The sample's lines as text. A long line may have been cut within a character. Raises UnicodeError."""
    lines = sample.split(b"\n")
    return "\n".join(line.decode(codec, "strict" if len(line) < LONG_LINE_BYTES else "ignore") for line in lines)


def _is_common(name: str, sample: bytes) -> bool:
    """Whether the sample's cells are words of common characters in this encoding of Chinese, Japanese or Korean."""
    codec = CODECS[name]
    first_bytes, punctuation = COMMON[name]
    characters = common = kana = words = 0
    try:
        # Split as text: the second byte of a character may be that of a delimiter.
        cells = list(dict.fromkeys(cell for cell in DELIMITERS.split(_decoded(sample, codec)) if not cell.isascii()))
        for text in cells:
            words += WIDE_WORD.search(text) is not None
            for character in text:
                if not character.isascii():
                    first, *rest = character.encode(codec)
                    characters += first not in punctuation
                    common += first in first_bytes and (name in ASCII_SECOND or rest[:1] >= [0xA1])
                    kana += "\u3040" <= character < "\u3100"
    except UnicodeError:
        return False
    # Japanese is hardly written without kana, and Chinese not with the bytes of Cyrillic and Greek capitals alone.
    if name == "euc_jis_2004" and kana * 10 < characters:
        return False
    if name == "gb18030" and CAPITALS.fullmatch("".join(cells).encode(codec)):
        return False
    return characters > 0 and common >= COMMON_SHARE * characters and words >= WORD_SHARE * len(cells)
