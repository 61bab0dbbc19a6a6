"""Links of mails lead to pages while there is no storefront (DEBUG)."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from catalog.tests.factories import ProductFactory
from users.mail.content import content_of
from users.models import OutgoingMail
from users.tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("catalog.demo.urls")]


def test_every_link_of_a_mail_opens_a_page(client):
    ProductFactory(name="Café chair", slug="café-chair", rating=5)
    for kind in ("WELCOME", "PASSWORD_RESET"):
        content = content_of(OutgoingMail(kind=kind), UserFactory())
        links = {urlsplit(link) for link in re.findall(r"http://127[^\s]+", content.text)}
        assert links
        for link in links:
            if link.path != "/":  # the landing page
                page = client.get(link.path, query_params=dict(parse_qsl(link.query)))
                assert page.status_code == 200, link
                assert "Here your storefront would" in page.content.decode()
    assert client.get("/products/nothing").status_code == 404
