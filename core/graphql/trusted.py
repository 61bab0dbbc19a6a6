"""Loads trusted documents: those of the shop's own storefronts, from a manifest.

The manifest (GRAPHQL_TRUSTED_DOCUMENTS) is a JSON object from a document's hash to its text, as relay-compiler
(`persistConfig`) and graphql-codegen (client preset, `persistedDocuments`) write it.
"""

import json
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from graphql import GraphQLSchema

from core.graphql.errors import Code, api_error
from core.graphql.own_documents import OWN_DOCUMENTS
from core.graphql.persisted import sha256_hex
from core.graphql.validation import DocumentRefused, prepare

SETTING = "GRAPHQL_TRUSTED_DOCUMENTS"


class TrustedDocuments:
    """The texts of a manifest, found by the manifest's hash or by their SHA-256, and our own by theirs."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts
        self._by_digest = {sha256_hex(text): text for text in (*texts.values(), *OWN_DOCUMENTS.values())}

    @classmethod
    def load(cls, path: str) -> "TrustedDocuments":
        """Reads a manifest; the path "" means none. Raises ImproperlyConfigured."""
        if not path:
            return cls({})
        try:
            texts = json.loads(Path(path).read_text("utf-8"))
        except OSError as error:
            raise ImproperlyConfigured(f"{SETTING}: {path} cannot be read ({error.strerror}).") from None
        except (ValueError, RecursionError) as error:
            raise ImproperlyConfigured(f"{SETTING}: {path} is not JSON ({error}).") from None
        if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
            raise ImproperlyConfigured(f"{SETTING}: {path} must be a JSON object of hashes and documents' texts.")
        return cls(texts)

    def text(self, name: str) -> str | None:
        """The text for a manifest's hash or a SHA-256, with or without a prefix such as "sha256:"."""
        for digest in (name, name.rpartition(":")[2]):
            if digest in self._texts:
                return self._texts[digest]
            if digest in self._by_digest:
                return self._by_digest[digest]
        return None

    def has(self, digest: str) -> bool:
        """Whether the text with this SHA-256 is trusted."""
        return digest in self._by_digest

    def check(self, schema: GraphQLSchema) -> None:
        """Raises ImproperlyConfigured, with the document's hash, when one is not valid for the schema."""
        for name, text in self._texts.items():
            try:
                prepare(schema, text)
            except DocumentRefused as refused:
                message = refused.errors[0].message
                raise ImproperlyConfigured(f"{SETTING}: the document {name[:80]} is refused: {message}") from None


def untrusted() -> DocumentRefused:
    """The refusal of any other document, with GRAPHQL_TRUSTED_ONLY."""
    message = "Only trusted documents are served here, and this one is not trusted: ask for one by its hash."
    return DocumentRefused([api_error(Code.PERSISTED_QUERY_NOT_FOUND, message)])
