"""Requests with any Content-Type; failed transactions that are forgotten."""

import io
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import request_finished
from django.db import DatabaseError, connection, transaction

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
