"""Reads the URLs of database, cache, broker and mail server.

As in core.config.env, a wrong one ends the process with one sentence. It does not show the password in the URL.
"""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from environ import Env

from core.config import env


def _parsed(name: str, value: str, allowed: str, parse: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """The URL as django-environ reads it. Any error or warning of it ends the process."""
    try:
        with warnings.catch_warnings(action="error"):
            return parse(value)
    except Exception:
        # Its own message may contain the password.
        env.refuse(name, allowed, env.without_password(value))


def database(name: str, default: str) -> dict[str, Any]:
    """Django's settings of the database: a file of SQLite, or MySQL."""
    allowed = "sqlite:////folder/file in a folder that is there, or mysql://<user>:<password>@host:3306/name"
    value = env.text(name, default)
    if not value.startswith(("sqlite:///", "mysql://")):
        env.refuse(name, allowed, env.without_password(value))
    config = _parsed(name, value, allowed, Env.db_url_config)
    is_file = config["ENGINE"].endswith("sqlite3")
    if config["NAME"] in {"", ":memory:"} or (is_file and not Path(config["NAME"]).absolute().parent.is_dir()):
        env.refuse(name, allowed, env.without_password(value))
    return config


def _is_redis(value: str) -> bool:
    """Whether the text is a Redis URL with a host and, if it names a database, a number."""
    if not env.has_good_port(value):
        return False
    parts = urlsplit(value)
    return bool(
        parts.scheme in {"redis", "rediss"}
        and parts.hostname
        and re.fullmatch(r"(?:/[0-9]{0,5})?", parts.path, re.ASCII)
    )


def cache(name: str) -> dict[str, Any] | None:
    """Django's settings of the cache; None when the variable is not set."""
    value, allowed = env.text(name), "redis://host:6379/1, rediss://…, filecache:///folder or locmemcache://"
    if not value:
        return None
    if not value.startswith(("filecache:///", "locmemcache://")) and not _is_redis(value):
        env.refuse(name, allowed, env.without_password(value))
    return _parsed(name, value, allowed, Env.cache_url_config)


def broker(name: str, embedded: str) -> str:
    """The URL of the broker: Redis, or the embedded one."""
    value = env.text(name, embedded)
    if value != embedded and not value.startswith("memory://") and not _is_redis(value):
        env.refuse(name, f"redis://host:6379/0, rediss://… or {embedded}", env.without_password(value))
    return value


def mail(name: str, default: str) -> dict[str, Any]:
    """Django's EMAIL_* settings."""
    value, allowed = (
        env.text(name, default),
        "smtp://<user>:<password>@host:587, smtp+tls://…, smtp+ssl://… or filemail:////folder",
    )
    config = _parsed(name, value, allowed, Env.email_url_config)
    if (value.startswith("smtp") and not config["EMAIL_HOST"]) or (
        value.startswith("filemail") and not config["EMAIL_FILE_PATH"]
    ):
        env.refuse(name, allowed, env.without_password(value))
    return config


def media_sources(media_url: str, bucket: str, *, endpoint: str, region: str, domain: str) -> str:
    """What a Content-Security-Policy names so that pages may show renditions; "" when this service serves them."""
    if not bucket:
        url = urlsplit(media_url)
        return f"{url.scheme}://{url.netloc}" if url.netloc else ""
    if domain:
        return f"https://{domain.partition('/')[0]}"
    server = urlsplit(endpoint or f"https://s3.{region + '.' if region else ''}amazonaws.com")
    # The bucket is named by the path or by the host.
    return f"{server.scheme}://{server.netloc} {server.scheme}://{bucket}.{server.netloc}"
