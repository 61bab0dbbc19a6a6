"""The fields of the index in the cluster."""

from typing import Any

from django.conf import settings

from catalog.search.documents import ATTRIBUTE_NUMBERS, ATTRIBUTES, VALUES, Document, fingerprint_of

_NUMBERS = (
    *("id", "named", "category", "brand", "group", "price", "price_step", "quantity", "in_stock", "on_sale", "created"),
    *("digest", VALUES, ATTRIBUTES),
)
# A token that each document has in each text. So each field is in all documents, as Tantivy counts them.
# No search finds it, because no word begins like it.
PAD = "\u0001"
TEXTS = {
    **dict.fromkeys(("name", "brand_name", "context", "sku", "description"), "bm25"),
    # How often a document has the token does not count.
    **dict.fromkeys(("subject", "name_words", "context_words", "description_words", "name_ends", "label"), "bm25_once"),
}
# Tokens of these are looked up by their beginnings.
_LOOKED_UP = ("name", "name_words", "name_ends")
# Tantivy's BM25. OpenSearch's own leaves out of its counts the documents that have nothing in a field.
_WEIGHT = "return query.boost * Math.log(1 + (field.docCount - term.docFreq + 0.5) / (term.docFreq + 0.5));"
_SCORE = """
double average = (double) field.sumTotalTermFreq / field.docCount - 1;
double frequency = FREQUENCY;
return weight * 2.2 * frequency / (frequency + 1.2 * (0.25 + 0.75 * (doc.length - 1) / average));
"""
# A name is one token.
_WHOLE = {"type": "scripted", "weight_script": {"source": _WEIGHT}, "script": {"source": "return weight;"}}


def _similarity(frequency: str) -> dict[str, Any]:
    score = _SCORE.replace("FREQUENCY", frequency)
    return {"type": "scripted", "weight_script": {"source": _WEIGHT}, "script": {"source": score}}


def cluster_document(document: Document) -> Document:
    """The document as the cluster takes it."""
    return {**document, **{name: f"{document.get(name, '')} {PAD}".strip() for name in TEXTS}}


def _properties() -> dict[str, Any]:
    properties: dict[str, Any] = {name: {"type": "long"} for name in _NUMBERS}
    properties |= {name: {"type": "double"} for name in ("rating_low", "rating_high")}
    properties["kind"] = {"type": "keyword"}
    properties["name_key"] = {"type": "keyword", "use_similarity": True, "similarity": "whole"}
    for name, similarity in TEXTS.items():
        options = "positions" if name == "name" else "freqs"
        text = {"type": "text", "analyzer": "whitespace", "index_options": options, "similarity": similarity}
        properties[name] = {**text, "fielddata": name in _LOOKED_UP}
    # A field for each NUMBER attribute that a product has.
    properties[ATTRIBUTE_NUMBERS] = {"type": "object", "dynamic": True}
    return properties


_FORM: dict[str, Any] = {
    "settings": {
        "number_of_replicas": 1,
        "max_result_window": 60_000,
        "mapping.total_fields.limit": 10_000,
        # Only a commit makes writes visible, so that searches and what is kept of them see whole rounds.
        "refresh_interval": "-1",
        # How long the cluster remembers the versions of deleted documents. Writes that come later than that, of a
        # process that was suspended for so long, would bring them back.
        "gc_deletes": "1h",
        "similarity": {"bm25": _similarity("doc.freq"), "bm25_once": _similarity("1"), "whole": _WHOLE},
    },
    # Documents are never read as they were sent: rows come from the database, and a new index is built from there too.
    "mappings": {"dynamic": "strict", "_source": {"enabled": False}, "properties": _properties()},
}


# Each search compares the fingerprint.
_FORM_TEXT = repr(_FORM)


def fingerprint() -> str:
    """Changes with everything that decides whether this code can search an index and keep it up to date."""
    return fingerprint_of(_FORM_TEXT)


def alias() -> str:
    """The name by which searches find the index of this version of the code."""
    return f"{settings.SEARCH_PREFIX}-{fingerprint()}"


def index_body() -> dict[str, Any]:
    """What an index is made with."""
    return {**_FORM, "settings": {**_FORM["settings"], "number_of_shards": settings.SEARCH_SHARDS}}
