"""Asks for the catalogue in GraphQL, for tests about what is kept of the answers."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from pytest_django import Settings

from catalog.models import ImageStatus, Product, ProductImage, Rendition
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.graphql.persisted import sha256_hex
from core.telemetry.metrics import KEPT_LOOKUPS
from core.tests.clients import Api
from core.urls import graphql

kept = graphql.server.answers.kept
LAMPS = "query Lamps($q: String) { products(first: 5, search: $q) { totalCount nodes { slug } } }"
ONE = 'query One { product(slug: "lamp") { name image { url } images { status } } }'
# Headers that tell one response from another of the same kind.
OWN_HEADERS = {"X-Request-ID", "RateLimit-Reset"}


@pytest.fixture
def lamp(settings: Settings, db: None) -> Product:
    """A lamp with a picture, and another one, found by the database."""
    settings.SEARCH_ENGINE = "database"
    settings.CATALOG_KEPT_SECONDS = 10**9  # no test is at work when the time is over
    category, brand = CategoryFactory(), BrandFactory()
    lamp: Product = ProductFactory(name="Lamp", category=category, brand=brand)
    Product.objects.filter(pk=lamp.pk).update(slug="lamp")
    ProductFactory(name="Old lamp", slug="old", category=category, brand=brand, is_active=False)
    image, _ = [
        ProductImage.objects.create(product=lamp, position=n, status=status, width=1, height=1, bytes=1, sha256=f"{n}")
        for n, status in enumerate((ImageStatus.READY, ImageStatus.PENDING))
    ]
    Rendition.objects.create(image=image, size="MEDIUM", format="WEBP", name="a.webp", width=1, height=1, bytes=1)
    return lamp


@pytest.fixture
def hits() -> Callable[[], int]:
    """How many answers were given again since the last call."""
    counter = KEPT_LOOKUPS.labels("answers", "hit")
    last = [counter._value.get()]

    def since() -> int:
        before, last[0] = last[0], counter._value.get()
        return int(last[0] - before)

    return since


def send(api: Api, query: str | None = LAMPS, headers: dict[str, str] | None = None, **body: Any) -> HttpResponse:
    """The response to a POST."""
    content = json.dumps({**({"query": query} if query else {}), **body})
    more = {**api.headers, **(headers or {})}
    return api.client.post("/graphql/", content, content_type="application/json", headers=more)


def ask(api: Api, headers: dict[str, str] | None = None, method: str = "get", **parameters: Any) -> HttpResponse:
    """The response to a GET."""
    shown = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
    more = {**api.headers, **(headers or {})}
    response: HttpResponse = getattr(api.client, method)("/graphql/", shown, headers=more)
    return response


def all_of(response: HttpResponse) -> tuple[Any, ...]:
    """What a client sees of a response, but for what differs between any two."""
    headers = {name: value for name, value in response.items() if name not in OWN_HEADERS}
    return response.status_code, headers, re.sub(rb'"id":"[0-9a-f]{32}"', b'"id"', response.content)


def forget() -> None:
    """As a process that has just begun."""
    documents = graphql.server.documents
    for known in (kept, documents._kept, documents._seen):
        known.clear()
    documents._bytes = 0


def hash_of(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256_hex(text)}}
