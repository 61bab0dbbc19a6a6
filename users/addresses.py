"""E-mail addresses: which spellings are the same address, and the form that a mail server gets.

A domain is the same in any case, and whether it is written in letters or as IDNA (RFC 5890) encodes them. `straße.de`
and `strasse.de` are different, as for registries since IDNA 2008 (RFC 5894 §7.2). Python's codec "idna" is of 2003 and
makes them the same, which would send mail to somebody else's server, so it is not used.
"""

import re
import unicodedata

from django.db.models import Q

MAX_DOMAIN, MAX_LABEL = 253, 63  # RFC 1035 §2.3.4
# Longer than any address. The rest of a longer text is ignored.
MAX_TEXT = 1000
# Full stops of East Asian writing, which separate labels too (UTS 46 §2.3).
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
# What IDNA 2008 allows (RFC 5892 §2.1, §2.8): letters, marks and digits, and the middle dots of Catalan and Japanese.
_CATEGORIES = {"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"}
_OTHERS = "-·・"
_ASCII_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def fold_email(email: str) -> str:
    """The form that is equal for all spellings of an address. For other texts, a form that no account has.

    Ignores the case of the part before the @. Letters of other alphabets are not replaced by similar ones.
    """
    text = email.strip()[:MAX_TEXT].encode(errors="replace").decode()
    local, at, domain = text.rpartition("@")
    if not at:
        return _lower(text)
    try:
        return f"{_lower(local)}{at}{ascii_domain(domain)}"
    except ValueError:
        return _lower(text)


def deliverable(email: str) -> str:
    """The address as a mail server gets it. Raises ValueError when its domain cannot exist."""
    local, at, domain = email.rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """The domain in lower case, each label in ASCII. Raises ValueError when it cannot exist."""
    # Checked first, because normalising and encoding take more than linear time.
    if len(domain) > MAX_DOMAIN:
        raise ValueError("The domain is too long.")
    encoded = ".".join(_ascii_label(label) for label in domain.translate(_DOTS).split("."))
    if len(encoded) > MAX_DOMAIN:
        raise ValueError("The domain is too long.")
    return encoded


def _ascii_label(label: str) -> str:
    if len(label) > MAX_LABEL:
        raise ValueError("A part of the domain is too long.")
    label = _mapped(label)
    if label.startswith("xn--"):
        plain = label[4:].encode("ascii").decode("punycode")
        # A label has one spelling: encoding it again must give the same (RFC 5891 §5.4).
        if plain.isascii() or _encoded(plain) != label or _mapped(plain) != plain:
            raise ValueError("A part of the domain is no IDNA label.")
        return label
    encoded = label if label.isascii() else _encoded(label)
    if len(encoded) > MAX_LABEL or not _ASCII_LABEL.fullmatch(encoded):
        raise ValueError("A part of the domain is no host name.")
    return encoded


def _encoded(label: str) -> str:
    """The label as IDNA writes it in ASCII. Raises ValueError for characters that domains cannot have."""
    allowed = all(c in _OTHERS or unicodedata.category(c) in _CATEGORIES for c in label)
    if not allowed or unicodedata.category(label[0]).startswith("M") or label.startswith("-") or label.endswith("-"):
        raise ValueError("A part of the domain has characters that a domain cannot have.")
    return f"xn--{label.encode('punycode').decode('ascii')}"


def _mapped(label: str) -> str:
    """In lower case, compatibility characters replaced (UTS 46 §4, nontransitional: ß and ς stay)."""
    folded = "".join(
        c if c in "ßς" else "ß" if c == "ẞ" else c.casefold() for c in unicodedata.normalize("NFKC", label)
    )
    return unicodedata.normalize("NFKC", folded)


def _lower(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


def address_matches(word: str, column: str = "email_folded") -> Q:
    """The condition that the word occurs in a folded address. With an @ in it, the word begins the address.

    Such a beginning is found by the column's index, as a range: LIKE BINARY makes MySQL and MariaDB read the table.
    """
    folded = fold_email(word)
    if "@" in word[1:]:
        return Q(**{f"{column}__gte": folded, f"{column}__lt": f"{folded}\U0010ffff"})
    return Q(**{f"{column}__contains": folded})
