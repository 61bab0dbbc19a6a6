"""The fields of the index in the cluster."""

from typing import Any

from django.conf import settings

from catalog.search.documents import ATTRIBUTE_NUMBERS, VALUES
from catalog.search.index.schema import MORE, fingerprint

_NUMBERS = (
    *("id", "named", "category", "brand", "group", "price", "price_step", "quantity", "in_stock", "on_sale", "created"),
    *("digest", VALUES, MORE, "attributes"),
)


def alias() -> str:
    """The name by which searches find the index of this version of the code."""
    return f"{settings.SEARCH_PREFIX}-{fingerprint()}"


def _text(options: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "analyzer": "whitespace", "index_options": options, "similarity": "tantivy", **more}


def index_body(state: dict[str, Any]) -> dict[str, Any]:
    """What an index is made with. `state` says which changes it has."""
    properties: dict[str, Any] = {name: {"type": "long"} for name in _NUMBERS}
    properties |= {name: {"type": "double"} for name in ("rating_low", "rating_high")}
    properties |= {name: {"type": "keyword", "similarity": "tantivy"} for name in ("kind", "name_key")}
    properties |= {name: _text("freqs") for name in ("brand_name", "context", "sku", "description")}
    properties |= {"name": _text("positions", fielddata=True)}
    properties |= {name: _text("docs") for name in ("subject", "context_words", "description_words", "label")}
    properties |= {name: _text("docs", fielddata=True) for name in ("name_words", "name_ends")}
    properties[ATTRIBUTE_NUMBERS] = {"type": "object", "dynamic": True}
    return {
        "settings": {
            "number_of_shards": 3,
            "number_of_replicas": 1,
            "max_result_window": 60_000,
            "similarity": {"tantivy": {"type": "LegacyBM25", "k1": 1.2, "b": 0.75}},
        },
        "mappings": {
            "dynamic": False,
            "_source": {"enabled": False},
            "_meta": {"state": state},
            "properties": properties,
        },
    }
