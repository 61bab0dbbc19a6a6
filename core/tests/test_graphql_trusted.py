"""Trusted documents: known ones by hash; with GRAPHQL_TRUSTED_ONLY no other is even parsed."""

import hashlib
import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from core.graphql import documents
from core.graphql.trusted import TrustedDocuments
from core.tests.clients import Api
from core.urls import graphql
from users.tests.factories import UserFactory
from users.tests.operations import FACTORY_PASSWORD

ME = "query Me { me { email } }"
TYPE = "query Type($no: Boolean = false) { __typename @skip(if: $no) }"
# As relay-compiler (MD5) and graphql-codegen (SHA-1, or SHA-256) name them.
MD5, SHA1, SHA256 = (
    hashlib.new(name, ME.encode(), usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256")
)


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a manifest the one in force."""

    def use(texts: dict[str, str]) -> None:
        path = tmp_path / "manifest.json"
        path.write_text(json.dumps(texts))
        monkeypatch.setattr(graphql.server, "trusted", TrustedDocuments.load(str(path)))

    return use


def send(api: Api, **body: Any) -> dict[str, Any]:
    """The answer to a body."""
    return api.client.post("/graphql/", json.dumps(body), content_type="application/json", headers=api.headers).json()


def by_hash(digest: str) -> dict[str, Any]:
    """Apollo's extension."""
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


@pytest.mark.parametrize("only", [False, True])
@pytest.mark.parametrize("name", [MD5, SHA1, SHA256, "storefront/Me"])
def test_a_known_document_is_run_by_its_hash(
    shopper: Api, settings: Settings, manifest: Any, only: bool, name: str
) -> None:
    settings.GRAPHQL_TRUSTED_ONLY = only
    manifest({name: ME, "other": TYPE})
    assert send(shopper, extensions=by_hash(SHA256))["data"]["me"]
    for document_id in (name, SHA256, f"sha256:{SHA256}"):
        assert send(shopper, documentId=document_id)["data"]["me"]
        assert shopper.client.get("/graphql/", {"documentId": document_id}, headers=shopper.headers).json()["data"][
            "me"
        ]
    assert send(shopper, query=ME)["data"]["me"]
    assert send(shopper, query=ME, extensions=by_hash(SHA256))["data"]["me"]
    assert send(shopper, documentId="other", variables={"no": True}, operationName="Type")["data"] == {}


def test_no_other_document_is_parsed(
    shopper: Api, staff: Api, settings: Settings, manifest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.GRAPHQL_TRUSTED_ONLY = True
    manifest({SHA256: ME})
    monkeypatch.setattr(documents, "prepare", None)
    other = hashlib.sha256(TYPE.encode()).hexdigest()
    for api in (shopper, staff):
        for body in (
            {"query": TYPE},
            {"query": "{"},
            {"query": ME + " "},
            {"query": TYPE, "documentId": SHA256},
            {"query": TYPE, "extensions": by_hash(other)},
        ):
            error = send(api, **body)["errors"][0]
            assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
            assert "trusted" in error["message"]
        for body in ({"extensions": by_hash(other)}, {"documentId": other}, {"documentId": "x"}, {"documentId": MD5}):
            assert send(api, **body)["errors"][0]["message"] == "PersistedQueryNotFound"


@pytest.mark.django_db
def test_the_sign_in_box_of_graphiql_and_swagger_is_answered(settings: Settings, manifest: Any) -> None:
    settings.GRAPHQL_TRUSTED_ONLY = True
    manifest({SHA256: ME})
    user = UserFactory(email="ann@example.com")
    for path in ("/graphql/", "/api/docs/"):
        page = Client().get(path, headers={"Accept": "text/html"}).content.decode()
        documents = {name: unescape(text) for name, text in re.findall(r' data-([a-z-]+)-document="(.*?)"', page)}
        variables = {"email": user.email, "password": FACTORY_PASSWORD}
        pair = send(Api(), query=documents["sign-in"], variables=variables)["data"]["result"]
        assert pair["token"]
        for name in ("renew", "sign-out"):
            result = send(Api(), query=documents[name], variables={"refreshToken": pair["refreshToken"]})["data"][
                "result"
            ]
            assert result["errors"] == []


def test_others_are_served_beside_them(nobody: Api, manifest: Any) -> None:
    manifest({SHA256: ME})
    digest = hashlib.sha256(TYPE.encode()).hexdigest()
    assert send(nobody, query=TYPE, extensions=by_hash(digest))["data"]
    assert send(nobody, documentId=digest)["data"]
    assert send(nobody, documentId="unknown")["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read"),
        ("{", "not JSON"),
        ("[1]", "must be a JSON object"),
        ('{"a": 5}', "must be a JSON object"),
        ('{"a": "{ nonsense }"}', "document a is refused"),
        ('{"a": "{ me { id } }", "b": "{"}', "document b is refused"),
        ("\ud800", "not JSON"),
    ],
)
def test_a_wrong_manifest_is_told_in_one_sentence_that_names_the_setting(
    tmp_path: Path, text: str | None, says: str
) -> None:
    path = tmp_path / "manifest.json"
    if text is not None:
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ImproperlyConfigured) as refused:
        TrustedDocuments.load(str(path)).check(graphql.server.documents.schema)
    message = str(refused.value)
    assert message.startswith("GRAPHQL_TRUSTED_DOCUMENTS: ")
    assert says in message
    assert "\n" not in message


@pytest.mark.slow
def test_a_server_with_a_wrong_manifest_does_not_start(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text('{"a": "{ nonsense }"}')
    environment = {**os.environ, "DEBUG": "1", "VAR_DIR": str(tmp_path), "GRAPHQL_TRUSTED_DOCUMENTS": str(path)}
    start = [sys.executable, "-c", "import core.wsgi"]
    ended = subprocess.run(  # noqa: S603
        start, env=environment, cwd=django_settings.BASE_DIR, capture_output=True, text=True
    )
    assert ended.returncode != 0
    assert "GRAPHQL_TRUSTED_DOCUMENTS: the document a is refused" in ended.stderr.splitlines()[-1]
