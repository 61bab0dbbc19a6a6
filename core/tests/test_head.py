"""HEAD: the headers of GET, no body, and so no warning from gunicorn."""

from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory


@pytest.fixture
def send(db):
    """The application as gunicorn calls it: Django's test client takes bodies off by itself."""
    handler = WSGIHandler()

    def run(method, path):
        told = {}
        environ = {**RequestFactory().get(path).environ, "REQUEST_METHOD": method, "wsgi.input": BytesIO()}
        answer = handler(environ, lambda status, headers: told.update(status=status, headers=dict(headers)))
        body = b"".join(answer)
        answer.close()
        return told["status"], told["headers"], body

    return run


@pytest.fixture
def picture():
    """A file under /media/."""
    name = default_storage.save(f"products/{'a' * 32}/small-{'b' * 20}.webp", ContentFile(b"picture"))
    yield f"/media/{name}"
    default_storage.delete(name)


@pytest.mark.parametrize("path", ["/", "/api/docs/", "/healthz", "/static/core/favicon.svg", "/nowhere", "/api/v1/x/"])
def test_head_has_the_headers_of_get_and_no_body(send, path):
    got, head = send("GET", path), send("HEAD", path)
    assert got[0] == head[0]
    assert got[2]
    assert head[2] == b""
    assert head[1]["Content-Length"] == got[1].get("Content-Length", str(len(got[2])))


def test_the_head_of_a_file_reads_none_of_it(send, picture):
    status, headers, body = send("HEAD", picture)
    assert (status, headers["Content-Length"], body) == ("200 OK", "7", b"")
