"""Requests with any Content-Type; failed transactions that are forgotten; settings that are read at once."""

import io
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import request_finished
from django.db import DatabaseError, connection, transaction
from django.test import override_settings
from django.utils.functional import LazyObject

from core.patches.django import Request, forget_rollbacks

UNREADABLE = "multipart/form-data; boundary*=nonsense''x"


def environ(content_type: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "QUERY_STRING": "q=%C3%A4",
        "CONTENT_TYPE": content_type,
        "wsgi.input": io.BytesIO(),
    }


def test_a_content_type_that_cannot_be_read_is_none() -> None:
    assert Request(environ(UNREADABLE)).content_type == ""


@pytest.mark.parametrize("charset", ["latin-1", "hex", "undefined"])
def test_a_query_string_is_utf8(charset: str) -> None:
    assert Request(environ(f"text/plain; charset={charset}")).GET["q"] == "ä"


def test_the_patch_of_requests_is_needed() -> None:
    with pytest.raises(ValueError, match="RFC 2231"):
        WSGIRequest(environ(UNREADABLE))
    assert WSGIRequest(environ("text/plain; charset=latin-1")).GET["q"] != "ä"


@pytest.mark.django_db(transaction=True)
def test_a_failed_transaction_is_forgotten_with_its_request() -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), transaction.mark_for_rollback_on_error():
        raise DatabaseError
    assert connection.rollback_exc is not None, "Django forgets by itself now: forget_rollbacks can go"
    forget_rollbacks()
    assert connection.rollback_exc is None
    assert request_finished.disconnect(forget_rollbacks), "it is not called"
    request_finished.connect(forget_rollbacks)


def test_settings_that_were_read_are_attributes_until_they_are_overridden() -> None:
    before = settings.CURRENCY
    assert vars(settings)["CURRENCY"] == before
    with override_settings(CURRENCY="XTS", ONLY_HERE=1):
        assert (settings.CURRENCY, settings.ONLY_HERE) == ("XTS", 1)
    assert before == settings.CURRENCY
    for name in ("ONLY_HERE", "NOWHERE"):
        with pytest.raises(AttributeError, match=name):
            getattr(settings, name)
    assert LazySettings.__getattribute__ is object.__getattribute__
    assert "__getattribute__" in vars(LazyObject), "Django reads settings at once now: the patch can go"


def test_headers_are_djangos() -> None:
    environ = {
        **{"REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO(), "SERVER_NAME": "x", "REMOTE_ADDR": "1.2.3.4"},
        **{"HTTP_X_REQUEST_ID": "a", "HTTP_ORIGIN": "", "CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "1"},
    }
    headers, djangos = Request(environ).headers, WSGIRequest(environ).headers
    names = [*djangos, "origin", "ORIGIN", "x_request_id", "X-Nothing", "Remote-Addr", "Server-Name", "HTTP-Origin", ""]
    for name in names:
        assert (name in headers, headers.get(name, "-")) == (name in djangos, djangos.get(name, "-")), name
    assert list(headers.items()) == list(djangos.items())
    assert len(headers) == len(djangos)
    assert dict(headers) == dict(djangos)
    assert headers == djangos
    assert repr(headers) == repr(djangos)
    with pytest.raises(KeyError, match="X-Nothing"):
        headers["X-Nothing"]
