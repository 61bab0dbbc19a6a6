"""Unhandled exceptions: an error in the API's own form, with the id of its log line, never a page."""

import io
import json
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.test.client import RequestFactory
from pytest_django import Settings

from core.http.handler import Handler
from core.tests.clients import Api

GRAPHQL = "/graphql/"
REST = "/api/v1/products/search/"


def broken(error: Exception) -> Any:
    """A function that raises."""

    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise error

    return fail


def send(path: str, **headers: str) -> Any:
    """The answer to a POST of GraphQL or a GET of REST, as a server gives it."""
    client = Client(raise_request_exception=False)
    if path.startswith(GRAPHQL):
        body = json.dumps({"query": "{ me { id } }"})
        return client.post(path, body, content_type="application/json", headers=headers)
    return client.get(path, headers=headers)


def error_id(answer: Any, status: int = 500) -> str:
    """The id of an internal error in the API's own form."""
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    assert answer["Cache-Control"] == "private, no-store"
    return id_in(answer.json())


def id_in(answer: Any) -> str:
    """The id that an internal error names."""
    (error,) = answer["errors"]
    if "extensions" in error:
        assert error["extensions"]["code"] == "INTERNAL_ERROR"
        return error["extensions"]["id"]
    assert answer["type"] == "server_error"
    return error["detail"].partition("the id ")[2].partition(" ")[0]


# One for each layer that a request passes.
LAYERS = [
    "core.http.proxies.is_trusted",
    "core.telemetry.requests.request_id_of",
    "corsheaders.middleware.CorsMiddleware.check_preflight",
    "core.http.query_string.parse_qsl",
    "core.http.bodies.is_utf8",
    "django.middleware.security.SecurityMiddleware.process_request",
    "django.middleware.common.CommonMiddleware.process_request",
    "django.middleware.common.CommonMiddleware.process_response",
    "core.auth.tokens.bearer_token",
    "core.auth.bearer.bearer_token",
]


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("layer", LAYERS)
def test_an_exception_anywhere_is_json_with_an_id(
    db: None, settings: Settings, monkeypatch: Any, caplog: Any, layer: str, debug: bool
) -> None:
    settings.DEBUG = debug
    monkeypatch.setattr(layer, broken(RuntimeError("no secret")))
    only = {"core.auth.tokens.bearer_token": [GRAPHQL], "core.auth.bearer.bearer_token": [REST]}
    for path in only.get(layer, [GRAPHQL, REST]):
        found = error_id(send(f"{path}?a=b" if "query_string" in layer else path))
        assert len(found) == 32
        assert f"internal error {found}" in caplog.text
        assert "RuntimeError: no secret" in caplog.text


@pytest.mark.parametrize("path", [GRAPHQL, REST])
def test_a_database_that_is_down_is_503(db: None, monkeypatch: Any, caplog: Any, path: str) -> None:
    monkeypatch.setattr("core.auth.tokens._active_user_rows", broken(OperationalError(2002, "no host")))
    from users.tests.factories import UserFactory

    answer = send(path, **Api(UserFactory()).headers)
    found = error_id(answer, 503)
    assert found in caplog.text
    assert "no host" not in answer.content.decode()
    assert answer["Retry-After"]


@pytest.mark.parametrize("host", ["evil.example", "ß" * 300, "a b", "", "..", "x" * 5000, "[::1", "shop:99999999"])
@pytest.mark.parametrize("path", [GRAPHQL, REST])
def test_an_odd_host_is_400(db: None, settings: Settings, path: str, host: str) -> None:
    settings.ALLOWED_HOSTS = ["shop.example"]
    answer = send(path, Host=host)
    assert answer.status_code == 400
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    "path", ["/graphql/nothing/", "/graphql/%00", "/api/", "/api/nothing", "/api/v2/x/", "/api/v1/%ff/"]
)
@pytest.mark.parametrize("debug", [False, True])
def test_an_unknown_path_is_404(db: None, settings: Settings, path: str, debug: bool) -> None:
    settings.DEBUG = debug
    answer = Client().get(path)
    assert answer.status_code == 404
    assert answer.json()["errors"]


def test_other_pages_stay_pages(client: Client, db: None) -> None:
    assert client.get("/nothing/")["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; a*=nonsense''x",
        "multipart/form-data; charset*=hex''x; boundary=x",
        "a; b*=\xff''x",
        ";" * 1000,
    ],
)
@pytest.mark.parametrize("path", [GRAPHQL, "/api/v1/auth/token/"])
def test_a_content_type_that_django_cannot_read_is_415(db: None, path: str, content_type: str) -> None:
    status, answer = through_wsgi(path, CONTENT_TYPE=content_type)
    assert status == 415
    assert json.loads(answer)["errors"]


@pytest.mark.parametrize("charset", ["utf-16", "hex", "undefined", "unicode_escape", "nonsense", "x" * 500])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_charset_of_a_query_string_is_utf8(db: None, method: str, charset: str) -> None:
    environ = {"REQUEST_METHOD": method, "QUERY_STRING": "query={me{id}}"}
    status, answer = through_wsgi(GRAPHQL, **environ, CONTENT_TYPE=f"application/json; charset={charset}")
    assert status == 415
    assert "UTF-8" in answer.decode()


@pytest.mark.parametrize("path", [GRAPHQL, REST])
def test_what_fails_before_any_middleware_is_json_too(db: None, monkeypatch: Any, caplog: Any, path: str) -> None:
    monkeypatch.setattr("core.http.handler.Request.__init__", broken(RuntimeError("no request")))
    status, answer = through_wsgi(path)
    assert status == 500
    assert id_in(json.loads(answer)) in caplog.text


def through_wsgi(path: str, **environ: str) -> tuple[int, bytes]:
    """Status and body of a POST, through the handler that the server calls."""
    told: list[str] = []
    request = RequestFactory().post(path, b"{}", content_type="application/json").environ
    body = Handler()(
        {**request, "wsgi.input": io.BytesIO(b"{}"), **environ}, lambda status, _headers: told.append(status)
    )
    return int(told[0][:3]), b"".join(body)


def test_cors_reaches_every_error(db: None, settings: Settings, monkeypatch: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example"]
    settings.MAX_BODY_BYTES = 10
    settings.ALLOWED_HOSTS = ["testserver"]
    origin = {"Origin": "https://shop.example"}
    client = Client(raise_request_exception=False)
    answers = [
        client.get("/graphql/?query=%ff", headers=origin),
        client.get("/api/v1/products/search/?q=%ff", headers=origin),
        client.get("/graphql/?" + "a&" * 2000, headers=origin),
        client.post("/graphql/", b"x" * 100, content_type="application/json", headers=origin),
        client.post("/graphql/", b"x", content_type="text/plain", headers=origin),
        client.generic("POST", "/graphql/", b"x", content_type="application/json; charset=hex", headers=origin),
        client.get("/api/v1/nothing/", headers=origin),
        client.get("/api/v1/products/search/", headers=origin),
        client.get("/graphql/", {"query": "{me{id}}"}, headers={**origin, "Host": "evil.example"}),
    ]
    monkeypatch.setattr("core.auth.tokens.bearer_token", broken(RuntimeError()))
    answers.append(client.get("/graphql/", {"query": "{me{id}}"}, headers=origin))
    for answer in answers:
        assert answer.status_code >= 400
        assert answer["Access-Control-Allow-Origin"] == "https://shop.example"
        exposed = answer["Access-Control-Expose-Headers"]
        for name in ("Location", "Retry-After", "X-Request-ID", "WWW-Authenticate", "RateLimit-Remaining"):
            assert name in exposed
        assert answer["X-Request-ID"]
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
