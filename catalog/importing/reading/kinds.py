"""Recognises files that are no tables by their first bytes, and says what to do with them."""

from pathlib import Path

from catalog.importing.reading.errors import FileRefusedError

SAVE_AS = "Save it as CSV UTF-8 or .xlsx and import that."
UNPACK = "Unpack it and import the file inside."
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
BINARY = (
    (b"%PDF", f"a PDF. {SAVE_AS}"),
    (b"\x1f\x8b", f"a packed file (gzip). {UNPACK}"),
    (b"BZh", f"a packed file (bzip2). {UNPACK}"),
    (b"\xfd7zXZ", f"a packed file (xz). {UNPACK}"),
    (b"(\xb5/\xfd", f"a packed file (zstd). {UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"a packed file (7z). {UNPACK}"),
    (b"Rar!", f"a packed file (rar). {UNPACK}"),
    (b"\x89PNG", "a picture. It has no rows to import."),
    (b"\xff\xd8\xff", "a picture. It has no rows to import."),
    (b"GIF8", "a picture. It has no rows to import."),
    (b"RIFF", "a picture or a sound. It has no rows to import."),
    (b"SQLite format 3", f"a database. {SAVE_AS}"),
    (b"PAR1", f"a Parquet file. {SAVE_AS}"),
    (b"\x7fELF", "a program. It has no rows to import."),
)
TEXT = (
    ("{", f"JSON. {SAVE_AS}"),
    ("[", f"JSON. {SAVE_AS}"),
    ("<!doctype html", f"a web page, whatever its name says. Open it in a spreadsheet. {SAVE_AS}"),
    ("<html", f"a web page, whatever its name says. Open it in a spreadsheet. {SAVE_AS}"),
    ("<table", f"a web page, whatever its name says. Open it in a spreadsheet. {SAVE_AS}"),
    ("<meta", f"a web page, whatever its name says. Open it in a spreadsheet. {SAVE_AS}"),
    ("<", f"XML. {SAVE_AS}"),
    ("{\\rtf", f"a text document (RTF). {SAVE_AS}"),
)
# Parts by which the formats that are zip archives are told apart.
ARCHIVES = (
    ("xl/workbook.bin", f"a binary workbook (.xlsb). {SAVE_AS}"),
    ("word/", f"a Word document. {SAVE_AS}"),
    ("ppt/", f"a PowerPoint presentation. {SAVE_AS}"),
    ("Index/", f"a document of Apple's Numbers, Pages or Keynote. {SAVE_AS}"),
    ("Index.zip", f"a document of Apple's Numbers, Pages or Keynote. {SAVE_AS}"),
    ("content.xml", f"an OpenDocument file (.ods). {SAVE_AS}"),
)
# A directory of an old Office file that holds an encrypted workbook has this name in it.
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
ENCRYPTED_WITHIN_BYTES = 1 << 24


def refuse_binary(path: Path) -> None:
    """Raises FileRefusedError when the file is of a kind that is not read. Raises OSError."""
    with path.open("rb") as raw:
        head = raw.read(64)
        if head.startswith(OLD_OFFICE):
            if ENCRYPTED in raw.read(ENCRYPTED_WITHIN_BYTES):
                raise FileRefusedError(f"{path} is protected with a password. Take the password off and save it again.")
            raise FileRefusedError(f"{path} is an old Excel workbook (.xls) or another old Office file. {SAVE_AS}")
        for magic, sentence in BINARY:
            if head.startswith(magic):
                raise FileRefusedError(f"{path} is {sentence}")


def refuse_text(path: Path, head: str) -> None:
    """Raises FileRefusedError when text without a header is of a kind that is known."""
    start = head.lstrip().lower()
    for mark, sentence in sorted(TEXT, key=lambda entry: -len(entry[0])):
        if start.startswith(mark):
            raise FileRefusedError(f"{path} is {sentence}")


def is_archive(path: Path) -> bool:
    """Whether the file is a zip archive, as workbooks are. Raises OSError."""
    with path.open("rb") as raw:
        return raw.read(4) in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def archive_kind(names: list[str]) -> str:
    """What a zip archive with these parts is and what to do with it; empty when it is a workbook."""
    for part, sentence in ARCHIVES:
        if any(name.startswith(part) for name in names):
            return sentence
    return "" if any(name.startswith("xl/") for name in names) else f"an archive (zip). {UNPACK}"
