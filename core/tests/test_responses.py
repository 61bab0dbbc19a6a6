"""Every header of a matrix of responses, compared with the list in responses.txt: no layer changes one unnoticed.

A wanted change: `RECORD=1 pytest core/tests/test_responses.py` writes the list anew.
"""

import io
import os
import re
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from core.auth import tokens
from core.http.handler import Handler
from users.tests.factories import UserFactory

LIST = Path(__file__).with_name("responses.txt")
JSON = "application/json"
DOCUMENT = b'{"query": "{__typename}"}'
# Values that differ from run to run, and their place in the list.
VOLATILE = (
    (re.compile(r"(csrftoken|sessionid)=[^;]{9,};"), r"\1=…;"),
    (re.compile(r"expires=[^;]+GMT; "), "expires=…; "),
    (re.compile(r"\bmax-age=0, no-cache.*"), "max-age=0, no-cache …"),
)
# Headers whose value depends on the body, or on the moment.
MEASURES = {"etag", "content-length", "expires", "last-modified", "date", "ratelimit-reset"}


def requests(token: str) -> Iterator[tuple[str, str, str, dict[str, str], bytes]]:
    """Name, method, path with query, headers and body of each request."""
    signed_in = {"Authorization": f"Bearer {token}"}
    json = {"Content-Type": JSON}
    page = {"Accept": "text/html"}
    origin = {"Origin": "https://spa.example"}
    preflight = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    cookies = {"Cookie": f"sessionid={'s' * 32}; csrftoken={'c' * 32}"}
    for path in ("/graphql/", "/graphql"):
        yield "query", "POST", path, json, DOCUMENT
    yield "signed in", "POST", "/graphql/", {**json, **signed_in}, DOCUMENT
    yield "with cookies", "POST", "/graphql/", {**json, **signed_in, **cookies}, DOCUMENT
    yield "from a storefront", "POST", "/graphql/", {**json, **signed_in, **origin}, DOCUMENT
    yield "from a stranger", "POST", "/graphql/", {**json, "Origin": "https://evil.example"}, DOCUMENT
    yield "preflight", "OPTIONS", "/graphql/", preflight, b""
    yield "options", "OPTIONS", "/graphql/", {}, b""
    yield "forged token", "POST", "/graphql/", {**json, "Authorization": "Bearer nonsense"}, DOCUMENT
    yield "wrong document", "POST", "/graphql/", json, b'{"query": "{nothing}"}'
    yield "no document", "POST", "/graphql/", json, b"{}"
    yield "no JSON", "POST", "/graphql/", json, b"{"
    yield "no type", "POST", "/graphql/", {}, DOCUMENT
    yield "form", "POST", "/graphql/", {"Content-Type": "application/x-www-form-urlencoded"}, b"query={__typename}"
    yield "not acceptable", "POST", "/graphql/", {**json, "Accept": "image/png"}, DOCUMENT
    yield "wrong host", "POST", "/graphql/", {**json, "Host": "evil.example"}, DOCUMENT
    yield "compressed", "POST", "/graphql/", {**json, "Content-Encoding": "gzip"}, DOCUMENT
    yield "too long", "POST", "/graphql/", {**json, "Content-Length": "100000000"}, b""
    yield "chunked", "POST", "/graphql/", {**json, "Transfer-Encoding": "chunked", "Content-Length": ""}, b""
    yield "wrong charset", "POST", "/graphql/", {"Content-Type": f"{JSON}; charset=hex"}, DOCUMENT
    yield "unreadable query", "POST", "/graphql/?a=%ff", json, DOCUMENT
    for method in ("GET", "HEAD"):
        yield "query", method, "/graphql/?query={__typename}", {}, b""
        yield "page", method, "/graphql/", page, b""
    yield "known", "GET", "/graphql/?query={__typename}", {"If-None-Match": "*"}, b""
    yield "signed in", "GET", "/graphql/?query={__typename}", signed_in, b""
    yield "mutation", "GET", '/graphql/?query=mutation{verifyToken(input:{token:""}){__typename}}', {}, b""
    yield "put", "PUT", "/graphql/", json, DOCUMENT
    yield "below", "GET", "/graphql/nothing", {}, b""
    for method in ("GET", "HEAD", "OPTIONS", "POST", "DELETE"):
        yield "products", method, "/api/v1/products/search/", {}, b""
    yield "signed in", "GET", "/api/v1/products/search/?first=1", signed_in, b""
    yield "with cookies", "GET", "/api/v1/products/search/", {**signed_in, **cookies}, b""
    yield "forged token", "GET", "/api/v1/products/search/", {"Authorization": "Bearer nonsense"}, b""
    yield "wrong parameter", "GET", "/api/v1/products/search/?first=x", signed_in, b""
    yield "unreadable query", "GET", "/api/v1/products/search/?search=%ff", signed_in, b""
    yield "from a storefront", "GET", "/api/v1/products/search/", {**signed_in, **origin}, b""
    yield "preflight", "OPTIONS", "/api/v1/products/search/", preflight, b""
    yield "wrong host", "GET", "/api/v1/products/search/", {"Host": "evil.example"}, b""
    yield "sign in", "POST", "/api/v1/auth/token/", json, b'{"email": "a@example.com", "password": "wrong"}'
    yield "sign in, no JSON", "POST", "/api/v1/auth/token/", json, b"{"
    yield "no slash", "GET", "/api/v1/products/search", {}, b""
    for method in ("GET", "POST"):
        yield "no such path", method, "/api/v1/nothing/", {}, b""
        yield "signed in", method, "/api/v1/products/nothing/", signed_in, b""
        yield "no such path", method, "/api/nothing/", {}, b""
        yield "documentation", method, "/api/docs/", page, b""
    yield "no slash", "GET", "/api/docs", {}, b""
    yield "schema", "GET", "/api/schema/", {}, b""
    yield "with cookies", "GET", "/api/docs/", {**page, **cookies}, b""
    for method in ("GET", "HEAD", "POST"):
        yield "landing page", method, "/", page, b""
        yield "alive", method, "/healthz", {"Host": "10.0.0.1"}, b""
    for method in ("GET", "POST"):
        yield "sign-in page", method, "/admin/login/", page, b""
    yield "nobody", "GET", "/admin/", page, b""
    yield "with cookies", "GET", "/admin/login/", {**page, **cookies}, b""
    yield "no slash", "GET", "/admin/login", page, b""
    yield "no such page", "GET", "/nothing/here/", page, b""
    yield "static file", "GET", "/static/core/favicon.svg", {}, b""
    yield "no such file", "GET", "/static/core/nothing.svg", {}, b""
    yield "no such picture", "GET", "/media/nothing.webp", {}, b""
    yield "icon", "GET", "/favicon.ico", {}, b""
    yield "metrics", "GET", "/metrics", {}, b""


def response(handler: Handler, method: str, path: str, headers: dict[str, str], body: bytes, **extra: str) -> list[str]:
    """The status and the headers of a response, in their order."""
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {
        **{"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": ""},
        **{"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1"},
        **{"wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO()},
        **{"HTTP_HOST": "shop.example", "HTTP_X_REQUEST_ID": "of-the-matrix", "CONTENT_LENGTH": str(len(body))},
    }
    for name, value in {**headers, **extra}.items():
        key = name.upper().replace("-", "_")
        environ[key if key.startswith("CONTENT_") and key != "CONTENT_ENCODING" else f"HTTP_{key}"] = value
    lines: list[str] = []

    def start_response(status: str, given: list[tuple[str, str]], *_: Any) -> None:
        lines.append(status)
        lines.extend(f"  {name}: {'…' if name.lower() in MEASURES else hidden(value)}" for name, value in given)

    answer: Any = handler(environ, start_response)
    b"".join(answer)
    answer.close()
    return lines


def hidden(value: str) -> str:
    for pattern, replacement in VOLATILE:
        value = pattern.sub(replacement, value)
    return value


@pytest.fixture(params=["plain", "secure"])
def arrangement(request, settings):
    """Settings as in production, over plain HTTP, or behind a proxy that speaks HTTPS."""
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["shop.example"]
    settings.CORS_ALLOWED_ORIGINS = ["https://spa.example"]
    settings.RATE_LIMIT_COST_ADDRESS, settings.RATE_LIMIT_COST_USER = (300_000, 60), (100_000, 60)
    settings.WHITENOISE_AUTOREFRESH, settings.WHITENOISE_USE_FINDERS = True, True
    settings.METRICS_TOKEN = "a-token-of-the-matrix"
    # As Django's test client does: the connection of a test stays open.
    for moment in (request_started, request_finished):
        moment.disconnect(close_old_connections)
    if request.param == "secure":
        settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
        settings.SECURE_HSTS_SECONDS = 31_536_000
        settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
        settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    yield request.param
    for moment in (request_started, request_finished):
        moment.connect(close_old_connections)


def test_every_header_is_as_recorded(db, arrangement):
    token = tokens.issue(UserFactory()).token
    handler = Handler()
    lines = []
    for name, method, path, headers, body in requests(token):
        ways = [{}] if arrangement == "plain" else [{"X-Forwarded-Proto": "https"}]
        if arrangement == "secure" and name in ("query", "landing page", "alive", "from a storefront"):
            ways.append({})
        for extra in ways:
            cache.clear()
            title = f"{arrangement}: {method} {path} ({name}{', over HTTP' if extra != ways[0] else ''})"
            lines += [title, *(f"  {line}" for line in response(handler, method, path, headers, body, **extra)), ""]
    recorded = LIST.read_text() if LIST.exists() else ""
    before = [block for block in recorded.split("\n\n") if block.startswith(f"{arrangement}:")]
    others = [block for block in recorded.split("\n\n") if block.strip() and block not in before]
    now = "\n".join(lines).strip().split("\n\n")
    if os.environ.get("RECORD"):
        LIST.write_text(
            "\n\n".join(sorted([*others, *now], key=lambda block: block.startswith("secure"))).strip() + "\n"
        )
        return
    assert now == [block.strip() for block in before]
