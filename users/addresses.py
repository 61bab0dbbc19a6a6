"""E-mail addresses: which spellings are one address, and what a mail server is told.

A domain is one whatever its case and whether it is written in letters or as IDNA (RFC 5890) encodes it; `straße.de` and
`strasse.de` are two, as they are for registries since IDNA 2008 (RFC 5894 §7.2). Python's own codec "idna" is of 2003:
it makes one of them, and Django's mails would go to somebody else's server; so it is not used.
"""

import re
import unicodedata

MAX_DOMAIN, MAX_LABEL = 253, 63  # RFC 1035 §2.3.4
# More than any address has; the rest of a longer text is not looked at.
MAX_TEXT = 1000
# Full stops of East Asian writing, which separate labels too (UTS 46 §2.3).
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
# Letters, marks and digits, as IDNA 2008 allows them (RFC 5892 §2.1, §2.8); a middle dot as in Catalan, and Japanese's.
_CATEGORIES = {"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"}
_OTHERS = "-·・"
_ASCII_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def fold_email(email: str) -> str:
    """The form under which an address is one account; of a text that is no address, something that no account has.

    The part before the @ is one whatever its case; letters of other alphabets are not replaced by similar ones.
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
    """The address as a mail server is told it. Raises ValueError when its domain cannot be one."""
    local, at, domain = email.rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """The domain in lower case, each label in ASCII. Raises ValueError when there can be no such domain."""
    # Bounded first: normalising and encoding cost more than the length of the text.
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
        # One spelling for each label: what is encoded must be what we would encode (RFC 5891 §5.4).
        if plain.isascii() or _encoded(plain) != label or _mapped(plain) != plain:
            raise ValueError("A part of the domain is no IDNA label.")
        return label
    encoded = label if label.isascii() else _encoded(label)
    if len(encoded) > MAX_LABEL or not _ASCII_LABEL.fullmatch(encoded):
        raise ValueError("A part of the domain is no host name.")
    return encoded


def _encoded(label: str) -> str:
    """The label as IDNA writes it in ASCII. Raises ValueError for characters that no domain has."""
    allowed = all(c in _OTHERS or unicodedata.category(c) in _CATEGORIES for c in label)
    if not allowed or unicodedata.category(label[0]).startswith("M") or label.startswith("-") or label.endswith("-"):
        raise ValueError("A part of the domain has characters that a domain cannot have.")
    return f"xn--{label.encode('punycode').decode('ascii')}"


def _mapped(label: str) -> str:
    """Compatibility characters as what they stand for, all in lower case (UTS 46 §4, nontransitional: ß and ς stay)."""
    folded = "".join(
        c if c in "ßς" else "ß" if c == "ẞ" else c.casefold() for c in unicodedata.normalize("NFKC", label)
    )
    return unicodedata.normalize("NFKC", folded)


def _lower(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()
