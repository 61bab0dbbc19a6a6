"""Reads settings from the environment. A wrong value ends the process with one sentence that names the variable.

The sentence goes to standard error; there is no traceback, for it would tell of Vitrine's code, not of the mistake. An
empty variable is an absent one. Values of secrets, and passwords within URLs, are never shown.
"""

import errno
import math
import os
import re
import sys
from collections.abc import Collection
from datetime import timedelta
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from string import Formatter
from tempfile import TemporaryFile
from typing import NoReturn
from urllib.parse import urlsplit

# Every variable that was asked for.
NAMES: set[str] = set()
# By this exit status gunicorn knows that its workers cannot start (Arbiter.WORKER_BOOT_ERROR) and ends; after any
# other it would start them again and again.
EXIT_STATUS = 3
MIN_SECRET_LENGTH = 32
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
YES, NO = {"1", "true", "yes", "on", "t", "y"}, {"0", "false", "no", "off", "f", "n"}
HOST = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]"
URL = re.compile(rf"https?://(?:{HOST})(?::[0-9]{{1,5}})?(?:/[^\s?#]*)?", re.ASCII)
URL_TEMPLATE = re.compile(rf"https?://(?:{HOST})(?::[0-9]{{1,5}})?(?:[/?#]\S*)?", re.ASCII)
# Browsers name pages of apps by schemes of their own, such as capacitor://localhost.
ORIGIN = re.compile(rf"[a-z][a-z0-9+.-]*://(?:\*\.)?(?:{HOST})(?::[0-9]{{1,5}})?", re.ASCII)
ALLOWED_HOST = re.compile(rf"\*|\.?(?:{HOST})\.?", re.ASCII)


def end(sentence: str) -> NoReturn:
    """Ends the process with this sentence."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - no logging yet
    sys.exit(EXIT_STATUS)


def refuse(name: str, allowed: str, value: str | None = None) -> NoReturn:
    """Ends the process: the variable is not set, or has this value, and `allowed` says what it must be."""
    shown = f"{name} is not set" if value is None else f"{name}={_shown(value)} is wrong"
    end(f"{shown}: it must be {allowed}.")


def refuse_secret(name: str, allowed: str) -> NoReturn:
    """As `refuse`, for a value that is never shown."""
    end(f"{name} (its value is not shown) is wrong: it must be {allowed}.")


def _shown(value: str) -> str:
    return repr(value if len(value) <= 100 else f"{value[:100]}…")


def without_password(url: str) -> str:
    """The URL, or what was meant as one, without user, password and query, which may hold one."""
    before, at, after = url.rpartition("@")
    scheme, separator, _ = before.partition("://")
    credentials = (f"{scheme}://…" if separator else "…") if at else ""
    after, question, _ = after.partition("?")
    return f"{credentials}{at}{after}{question}{'…' if question else ''}"


def _raw(name: str) -> str:
    NAMES.add(name)
    return os.environ.get(name, "")


def text(name: str, default: str = "", *, pattern: str = r".*", allowed: str = "one line of text") -> str:
    """The variable's text, without blanks around it; the whole of it matches the pattern (ASCII rules)."""
    value = _raw(name).strip()
    if not value:
        return default
    if not value.isprintable() or not re.fullmatch(pattern, value, re.ASCII):
        refuse(name, allowed, without_password(value) if "@" in value else value)
    return value


def require(name: str, allowed: str) -> None:
    """Refuses that the variable is not set."""
    if not _raw(name).strip():
        refuse(name, allowed)


def choice(name: str, default: str, choices: Collection[str]) -> str:
    """One of the choices, whatever its case; as it is written there."""
    value = text(name, default)
    for each in choices:
        if each.lower() == value.lower():
            return each
    refuse(name, f"one of {', '.join(choices)}", value)


def boolean(name: str, default: bool) -> bool:
    """On or off, in one of the usual words."""
    value = text(name)
    if not value:
        return default
    if value.lower() not in YES | NO:
        refuse(name, "1 or 0 (or true/false, yes/no, on/off)", value)
    return value.lower() in YES


def integer(name: str, default: int, *, least: int = 0, most: int = 10**12) -> int:
    """A whole number from `least` to `most`."""
    value = text(name)
    if not value:
        return default
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", value, re.ASCII) or not least <= int(value) <= most:
        refuse(name, f"a whole number from {least} to {most}", value)
    return int(value)


def number(name: str, default: float, *, above: float | None = None, most: float = 1e9) -> float:
    """A number above `above` (by default: from 0) up to `most`."""
    value = text(name)
    if not value:
        return default
    allowed = f"a number from 0 to {most:g}" if above is None else f"a number above {above:g}, up to {most:g}"
    try:
        result = float(value) if value.isascii() and "_" not in value else math.nan
    except ValueError:
        result = math.nan
    # NaN fails both.
    if not (result >= 0 if above is None else result > above) or not result <= most:
        refuse(name, allowed, value)
    return result


def seconds(name: str, default: int, *, least: int = 0, most: int = 10**9) -> timedelta:
    """A whole number of seconds, as a duration."""
    return timedelta(seconds=integer(name, default, least=least, most=most))


def rate(name: str, default: str) -> tuple[int, int] | None:
    """A rate: "10/15m" is (10, 900), so many in so many seconds; "off" is None, no limit."""
    value = text(name, default).lower()
    if value == "off":
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,3})?([smhd])", value, re.ASCII)
    if match is None:
        refuse(name, "a rate such as 10/15m (units s, m, h, d) or off", value)
    return int(match[1]), int(match[2] or 1) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[3]]


def texts(name: str, default: Collection[str] = (), *, pattern: re.Pattern[str], allowed: str) -> list[str]:
    """Comma-separated texts, each of which the pattern matches as a whole."""
    values = [value.strip() for value in text(name).split(",") if value.strip()]
    for value in values:
        if not pattern.fullmatch(value):
            refuse(name, allowed, value)
    return values or list(default)


def hosts(name: str, default: Collection[str]) -> list[str]:
    """Comma-separated host names, as Django's ALLOWED_HOSTS takes them."""
    allowed = "host names separated by commas, such as shop.example,.shop.example, without scheme, port and path"
    return texts(name, default, pattern=ALLOWED_HOST, allowed=allowed)


def origins(name: str) -> list[str]:
    """Comma-separated origins, as browsers send them."""
    allowed = (
        "origins separated by commas, such as https://shop.example,http://localhost:5173, with scheme, without path"
    )
    return texts(name, pattern=ORIGIN, allowed=allowed)


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Comma-separated networks (CIDR)."""
    try:
        return [ip_network(value.strip()) for value in text(name).split(",") if value.strip()]
    except ValueError as error:
        refuse(name, f"networks separated by commas, such as 10.0.0.0/8,192.0.2.7 ({error})", text(name))


def secret(name: str, *, development: bool) -> str:
    """A secret of at least 32 characters; in development a well-known default."""
    value, allowed = _raw(name), f"at least {MIN_SECRET_LENGTH} random characters, unless DEBUG=1 (development)"
    if not value and development:
        return f"only-for-development-{name.lower()}-not-a-secret-at-all"
    if not value:
        refuse(name, allowed)
    if len(value) < MIN_SECRET_LENGTH:
        refuse_secret(name, allowed)
    return value


def secrets(name: str) -> list[str]:
    """Comma-separated secrets."""
    values = [value.strip() for value in _raw(name).split(",") if value.strip()]
    if any(len(value) < MIN_SECRET_LENGTH for value in values):
        refuse_secret(name, f"secrets of at least {MIN_SECRET_LENGTH} characters each, separated by commas")
    return values


def token(name: str) -> str:
    """A secret that is sent as bearer token; "" when there is none."""
    value = _raw(name)
    if value and not re.fullmatch(r"[!-~]+", value):
        refuse_secret(name, "letters, digits and signs of ASCII, without blanks")
    return value


def header_names(name: str) -> list[str]:
    """Comma-separated names of HTTP headers, in small letters."""
    values = [value.strip().lower() for value in text(name).split(",") if value.strip()]
    if not all(re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", value) for value in values):
        refuse(name, "names of HTTP headers, separated by commas", ", ".join(values))
    return values


def contacts(name: str) -> list[str]:
    """Comma-separated contacts (RFC 9116 §2.5.3): URIs of https, mailto or tel; an e-mail address becomes one."""
    values = [value.strip() for value in text(name).split(",") if value.strip()]
    values = [f"mailto:{value}" if re.fullmatch(r"[^\s:@/]+@[^\s:@/]+", value) else value for value in values]
    if not all(re.fullmatch(r"(https://|mailto:|tel:)[!-~]+", value) for value in values):
        refuse(name, "an e-mail address, or a URI that starts with https://, mailto: or tel:", ", ".join(values))
    return values


def path(name: str, default: Path) -> Path:
    """A file or folder, absolute."""
    value = _raw(name)
    if "\0" in value:
        refuse(name, "a path", value)
    return Path(value or default).absolute()


def folder(name: str, default: Path) -> Path:
    """A folder, made when it is not there."""
    found = path(name, default)
    try:
        found.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(name, f"a folder that is there or can be made ({error.strerror})", str(found))
    return found.resolve()


def check_writable(name: str, found: Path) -> None:
    """Refuses a folder of this variable in which this process cannot make files. A full disk passes: it may empty."""
    try:
        TemporaryFile(dir=found).close()
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            refuse(name, f"a folder that this user may write to ({error.strerror})", str(found))


def url(name: str, default: str) -> str:
    """A web address, without "/" at its end; it may be "" where that is the default."""
    value = text(name, default)
    if value and not (URL.fullmatch(value) and has_good_port(value)):
        refuse(name, "a web address such as https://shop.example, without query", without_password(value))
    return value.rstrip("/")


def url_template(name: str, default: str, *, fields: Collection[str]) -> str:
    """A web address with fields in braces, each of them and no others."""
    value = text(name, default)
    try:
        found = {field for _, field, _, _ in Formatter().parse(value) if field is not None}
    except ValueError:
        found = set()
    if found != set(fields) or not URL_TEMPLATE.fullmatch(value) or not has_good_port(value):
        wanted = " and ".join(f"{{{field}}}" for field in fields)
        refuse(name, f"a web address with {wanted} in it", without_password(value))
    return value


def bucket(name: str) -> str:
    """The name of a bucket in S3-compatible storage."""
    pattern = r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]"
    return text(name, pattern=pattern, allowed="a bucket's name: 3 to 63 letters, digits, dots, - and _")


def sender(name: str, default: str) -> str:
    """An e-mail address, with or without a name before it."""
    value = text(name, default)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(value)[1]):
        refuse(name, "an e-mail address such as Shop <shop@example.com>", value)
    return value


def has_good_port(value: str) -> bool:
    """Whether the URL can be read, and its port is one if it names any."""
    try:
        return urlsplit(value).port != 0
    except ValueError:
        return False
