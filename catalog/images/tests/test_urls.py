"""The short way to the URL of a rendition gives what Django gives."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from catalog.images.files import served
from catalog.images.models import Rendition
from catalog.images.selectors import url_of

NAMES = (
    "ab/MEDIUM.webp",
    "0",
    "a b/ü.webp",
    "../a.webp",
    "a/./b",
    "/a",
    "//host/a",
    "a?b#c",
    "http:a",
    "a//b",
    "a\n",
    "%41",
)


@pytest.mark.parametrize("base", ["/media/", "https://cdn.example/x/", "/a/../media/"])
def test_urls_are_as_django_makes_them(settings: Settings, base: str) -> None:
    default = {"BACKEND": "core.storage.WholeFiles", "OPTIONS": {"base_url": base}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    request = RequestFactory().get("/graphql/")
    shown = [url_of(request, Rendition(name=name)) for name in NAMES]
    assert shown == [request.build_absolute_uri(served().url(name)) for name in NAMES]
