"""Security headers of responses, forms that put no password into an address, and bodies that are refused unread."""

import io
import re
from pathlib import Path

import pytest
from django.test import Client

from core.http.errors import DATA_POLICY
from core.tests.clients import Api


@pytest.mark.parametrize("path", ["/", "/graphql/", "/api/docs/", "/admin/login/"])
def test_pages_load_scripts_from_here_alone(client, db, path):
    policy = client.get(path, headers={"Accept": "text/html"})["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", ["/api/schema/", "/api/v1/nothing/"])
def test_data_may_do_nothing_at_all(client, db, path):
    assert client.get(path)["Content-Security-Policy"] == DATA_POLICY


def test_graphql_answers_are_data(shopper):
    assert shopper.post("{ me { id } }")["Content-Security-Policy"] == DATA_POLICY


def test_djangos_error_page_with_debug_keeps_its_scripts(client, db, settings):
    settings.DEBUG = True
    answer = client.get("/nothing/here/")
    assert answer.status_code == 404
    assert "Content-Security-Policy" not in answer


class TestBodies:
    """MAX_BODY_BYTES and MAX_UPLOAD_BODY_BYTES."""

    @pytest.fixture(autouse=True)
    def _small(self, settings):
        settings.MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
        settings.MAX_UPLOAD_BODY_BYTES = 5000

    def test_graphql(self, nobody: Api):
        answer = nobody.post("{ me { id } }" + " " * 1000)
        assert answer.status_code == 413
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"

    def test_rest(self, nobody: Api):
        answer = nobody.send("auth/token/", email="a@example.com", password="x" * 1000)
        assert answer.status_code == 413
        assert answer.json()["errors"][0]["code"] == "too_large"

    def test_pages(self, client, db):
        assert client.post("/admin/login/", "x" * 2000, content_type="text/plain").status_code == 413

    @pytest.mark.parametrize(("size", "status"), [(3000, 415), (6000, 413)])
    def test_a_form_with_files_may_be_longer(self, db, size, status):
        """415: it got through to the view, which takes no form yet; see the images' own tests."""
        answer = Client().post("/graphql/", {"file": io.BytesIO(b"x" * size)})
        assert (answer.status_code == 413) == (status == 413)

    def test_nothing_is_read_of_what_is_refused(self, db):
        class Untouchable(io.BytesIO):
            def read(self, *args):
                raise AssertionError("the body was read")

        extra = {"wsgi.input": Untouchable(), "CONTENT_LENGTH": "100000000", "CONTENT_TYPE": "multipart/form-data"}
        assert Client().generic("POST", "/graphql/", **extra).status_code == 413

    @pytest.mark.parametrize("length", ["nonsense", "-5", ""])
    def test_a_length_that_is_none_is_djangos_to_judge(self, db, length):
        answer = Client(raise_request_exception=False).generic("POST", "/graphql/", b"", CONTENT_LENGTH=length)
        assert answer.status_code in {400, 415}


def test_every_form_says_how_it_is_sent_and_a_password_is_posted():
    """Without a method, what is typed becomes part of the address, for instance before a script has come."""
    root = Path(__file__).resolve().parent.parent.parent
    texts = [path.read_text() for app in ("cart", "catalog", "core", "users") for path in (root / app).rglob("*.html")]
    forms = [form for text in texts for form in re.findall(r"<form\b.*?</form>", text, re.DOTALL)]
    assert any('type="password"' in form for form in forms)
    for form in forms:
        tag = form[: form.index(">")]
        assert re.search(r'\bmethod="(get|post)"', tag), tag
        assert 'method="post"' in tag or 'type="password"' not in form, tag
