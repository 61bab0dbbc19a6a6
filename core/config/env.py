"""Reads variables of the environment, one function for each type.

A wrong value ends the process with one sentence on standard error that names the variable. There is no traceback: it
would explain Vitrine's code, not the mistake. An empty variable counts as absent. Secrets, and passwords in URLs, are
never shown.
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

# Every variable that was read.
NAMES: set[str] = set()
# gunicorn reads this exit status of a worker as "cannot start" (Arbiter.WORKER_BOOT_ERROR) and ends. After any other it
# would start workers again and again.
EXIT_STATUS = 3
MIN_SECRET_LENGTH = 32
MAX_LINES = 20
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
YES, NO = {"1", "true", "yes", "on", "t", "y"}, {"0", "false", "no", "off", "f", "n"}
HOST = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]"
URL = re.compile(rf"https?://(?:{HOST})(?::[0-9]{{1,5}})?(?:/[^\s?#]*)?", re.ASCII)
URL_TEMPLATE = re.compile(rf"https?://(?:{HOST})(?::[0-9]{{1,5}})?(?:[/?#]\S*)?", re.ASCII)
# Apps have schemes of their own, such as capacitor://localhost.
ORIGIN = re.compile(rf"[a-z][a-z0-9+.-]*://(?:\*\.)?(?:{HOST})(?::[0-9]{{1,5}})?", re.ASCII)
ALLOWED_HOST = re.compile(rf"\*|\.?(?:{HOST})\.?", re.ASCII)


def end(sentence: str) -> NoReturn:
    """Ends the process with this sentence."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - no logging yet
    sys.exit(EXIT_STATUS)


def refuse(name: str, allowed: str, value: str | None = None) -> NoReturn:
    """Ends the process: the variable has this value (None: is not set), and `allowed` says what it must be."""
    problem = f"{name} is not set" if value is None else f"{name}={_shown(value)} is wrong"
    end(f"{problem}: it must be {allowed}.")


def refuse_secret(name: str, allowed: str) -> NoReturn:
    """Like `refuse`, for a value that is never shown."""
    end(f"{name} (its value is not shown) is wrong: it must be {allowed}.")


def _shown(value: str) -> str:
    return repr(value if len(value) <= 100 else f"{value[:100]}…")


def without_password(url: str) -> str:
    """The URL, or a text meant as one, without user, password and query: that may hold a password too."""
    before, at, after = url.rpartition("@")
    scheme, separator, _ = before.partition("://")
    credentials = (f"{scheme}://…" if separator else "…") if at else ""
    after, mark, _ = after.partition("?")
    return f"{credentials}{at}{after}{mark}{'…' if mark else ''}"


def _raw(name: str) -> str:
    NAMES.add(name)
    return os.environ.get(name, "")


def text(name: str, default: str = "", *, pattern: str = r".*", allowed: str = "one line of text") -> str:
    """The variable's text without blanks around it. All of it must match the pattern (ASCII rules)."""
    value = _raw(name).strip()
    if not value:
        return default
    if not value.isprintable() or not re.fullmatch(pattern, value, re.ASCII):
        refuse(name, allowed, without_password(value) if "@" in value else value)
    return value


def require(name: str, allowed: str) -> None:
    """Ends the process when the variable is not set."""
    if not _raw(name).strip():
        refuse(name, allowed)


def choice(name: str, default: str, choices: Collection[str]) -> str:
    """One of the choices, in their spelling. The variable may be in any case."""
    value = text(name, default)
    for option in choices:
        if option.lower() == value.lower():
            return option
    refuse(name, f"one of {', '.join(choices)}", value)


def boolean(name: str, default: bool) -> bool:
    """On or off, in one of the words of YES and NO."""
    value = text(name)
    if not value:
        return default
    if value.lower() not in YES | NO:
        refuse(name, "1 or 0 (or true/false, yes/no, on/off)", value)
    return value.lower() in YES


def integer(name: str, default: int, *, minimum: int = 0, maximum: int = 10**12) -> int:
    """A whole number from `minimum` to `maximum`."""
    value = text(name)
    if not value:
        return default
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", value, re.ASCII) or not minimum <= int(value) <= maximum:
        refuse(name, f"a whole number from {minimum} to {maximum}", value)
    return int(value)


def number(name: str, default: float, *, above: float | None = None, maximum: float = 1e9) -> float:
    """A number above `above`, or from 0 on where that is None, up to `maximum`."""
    value = text(name)
    if not value:
        return default
    allowed = f"a number from 0 to {maximum:g}" if above is None else f"a number above {above:g}, up to {maximum:g}"
    try:
        result = float(value) if value.isascii() and "_" not in value else math.nan
    except ValueError:
        result = math.nan
    # NaN fails both.
    if not (result >= 0 if above is None else result > above) or not result <= maximum:
        refuse(name, allowed, value)
    return result


def seconds(name: str, default: int, *, minimum: int = 0, maximum: int = 10**9) -> timedelta:
    """A whole number of seconds, as a duration."""
    return timedelta(seconds=integer(name, default, minimum=minimum, maximum=maximum))


def rate(name: str, default: str) -> tuple[int, int] | None:
    """A rate as (count, seconds): "10/15m" is (10, 900). None for "off"."""
    value = text(name, default).lower()
    if value == "off":
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,3})?([smhd])", value, re.ASCII)
    if match is None:
        refuse(name, "a rate such as 10/15m (a count up to 999999, units s, m, h, d) or off", value)
    return int(match[1]), int(match[2] or 1) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[3]]


def texts(name: str, default: Collection[str] = (), *, pattern: re.Pattern[str], allowed: str) -> list[str]:
    """Comma-separated texts. The pattern must match the whole of each."""
    values = [value.strip() for value in text(name).split(",") if value.strip()]
    for value in values:
        if not pattern.fullmatch(value):
            refuse(name, allowed, value)
    return values or list(default)


def hosts(name: str, default: Collection[str]) -> list[str]:
    """Comma-separated host names, as Django's ALLOWED_HOSTS takes them."""
    allowed = "host names separated by commas, such as shop.example,.shop.example, without scheme, port and path"
    return texts(name, default, pattern=ALLOWED_HOST, allowed=allowed)


def origins(name: str, default: Collection[str] = ()) -> list[str]:
    """Comma-separated origins, as browsers send them."""
    allowed = (
        "origins separated by commas, such as https://shop.example,http://localhost:5173, with scheme, without path"
    )
    return texts(name, default, pattern=ORIGIN, allowed=allowed)


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Comma-separated networks (CIDR)."""
    try:
        return [ip_network(value.strip()) for value in text(name).split(",") if value.strip()]
    except ValueError as error:
        refuse(name, f"networks separated by commas, such as 10.0.0.0/8,192.0.2.7 ({error})", text(name))


def secret(name: str, *, development: bool) -> str:
    """A secret of at least 32 characters. In development it has a well-known default."""
    value = _raw(name)
    allowed = f"at least {MIN_SECRET_LENGTH} random characters (openssl rand -hex 32), unless DEBUG=1 (development)"
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
    """A secret that is sent as a bearer token; "" when there is none."""
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
    """Comma-separated contacts (RFC 9116 §2.5.3): https, mailto or tel URIs. An e-mail address becomes such a URI."""
    values = [value.strip() for value in text(name).split(",") if value.strip()]
    values = [f"mailto:{value}" if re.fullmatch(r"[^\s:@/]+@[^\s:@/]+", value) else value for value in values]
    if not all(re.fullmatch(r"(https://|mailto:|tel:)[!-~]+", value) for value in values):
        refuse(name, "an e-mail address, or a URI that starts with https://, mailto: or tel:", ", ".join(values))
    return values


def path(name: str, default: Path) -> Path:
    """The absolute path of a file or folder."""
    value = _raw(name)
    if "\0" in value:
        refuse(name, "a path", value)
    return Path(value or default).absolute()


def folder(name: str, default: Path) -> Path:
    """The absolute path of a folder, which is made when it is missing."""
    directory = path(name, default)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(name, f"a folder that is there or can be made ({error.strerror})", str(directory))
    return directory.resolve()


def existing_folder(name: str) -> Path | None:
    """The absolute path of a folder that this user can read; None when the variable is empty."""
    if not _raw(name):
        return None
    directory = path(name, Path())
    if not directory.is_dir() or not os.access(directory, os.R_OK | os.X_OK):
        refuse(name, "a folder that is there and that this user may read", str(directory))
    return directory


def check_writable(name: str, directory: Path) -> None:
    """Ends the process when it cannot make files in the variable's folder. A full disk is no reason to end."""
    try:
        TemporaryFile(dir=directory).close()
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            refuse(name, f"a folder that this user may write to ({error.strerror})", str(directory))


def url(name: str, default: str) -> str:
    """A web address without "/" at its end; "" where that is the default."""
    value = text(name, default)
    if value and not (URL.fullmatch(value) and has_good_port(value)):
        refuse(name, "a web address such as https://shop.example, without query", without_password(value))
    return value.rstrip("/")


def picture_url(name: str, *, site: str) -> str:
    """The web address of a picture, for mails: https, or below the site, also as a path; "" when there is none."""
    value = text(name)
    address = f"{site}{value}" if value.startswith("/") and not value.startswith("//") else value
    is_safe = address.startswith(("https://", f"{site}/"))
    # A quote or an angle bracket belongs into no address, and this one goes into the policy of a page.
    if value and not (is_safe and re.fullmatch(r"https?://[^\s\"'<>\\;,]+", address) and has_good_port(address)):
        refuse(name, "an address that starts with https://, or a path on SITE_URL such as /logo.png", value)
    return address


def lines(name: str) -> list[str]:
    """Lines of text, separated by line breaks or by \\n. Empty lines at both ends are dropped."""
    values = [line.strip() for line in re.split(r"\r?\n|\\n", _raw(name).strip())]
    if len(values) > MAX_LINES or not all(line.isprintable() for line in values):
        refuse(name, f"up to {MAX_LINES} lines of text, separated by line breaks or \\n", _raw(name))
    return values if any(values) else []


def url_template(name: str, default: str, *, fields: Collection[str]) -> str:
    """A web address with exactly these fields in braces."""
    value = text(name, default)
    try:
        present = {field for _, field, _, _ in Formatter().parse(value) if field is not None}
    except ValueError:
        present = set()
    if present != set(fields) or not URL_TEMPLATE.fullmatch(value) or not has_good_port(value):
        required = " and ".join(f"{{{field}}}" for field in fields)
        refuse(name, f"a web address with {required} in it", without_password(value))
    return value


def bucket(name: str) -> str:
    """The name of a bucket in S3-compatible storage; "" when there is none."""
    pattern = r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]"
    return text(name, pattern=pattern, allowed="a bucket's name: 3 to 63 letters, digits, dots, - and _")


def sender(name: str, default: str) -> str:
    """An e-mail address, with or without a name before it."""
    value = text(name, default)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(value)[1]):
        refuse(name, "an e-mail address such as Shop <shop@example.com>", value)
    return value


def has_good_port(value: str) -> bool:
    """Whether the URL can be read and its port, if it names one, is valid."""
    try:
        return urlsplit(value).port != 0
    except ValueError:
        return False
