"""What the mails say, and that no name can say more."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from catalog.tests.factories import ProductFactory
from users.mail.content import content_of, message_of
from users.models import OutgoingMail, User
from users.tests.factories import UserFactory

pytestmark = pytest.mark.django_db
WELCOME, RESET = OutgoingMail.Kind.WELCOME, OutgoingMail.Kind.PASSWORD_RESET


def test_it_recommends_the_three_best_in_stock(settings: Settings) -> None:
    settings.PRODUCT_URL = "https://shop.example/products/{slug}"
    wanted = [ProductFactory(name=f"Good {n}", rating=5 - n / 10, price="1234.50") for n in range(4)]
    ProductFactory(name="Sold out", rating=5, quantity=0)
    ProductFactory(name="Archived", rating=5, is_active=False)
    ProductFactory(name="Bad", rating=1)
    ProductFactory(name="Unrated", rating=None)
    content = content_of(WELCOME, User(first_name="Ann"))
    for form in (content.text, content.html):
        assert re.findall(r"Good \d|Sold out|Archived|Bad|Unrated", form) == ["Good 0", "Good 1", "Good 2"]
        assert f"https://shop.example/products/{wanted[0].slug}" in form
        assert "1234.50 EUR" in form


def test_an_empty_shop_recommends_nothing() -> None:
    content = content_of(WELCOME, User(first_name="Ann"))
    assert "in stock" not in content.text + content.html


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Ann", "Hello Ann,"),
        ("", "Hello,"),
        ("  ", "Hello,"),
        ("J.R.", "Hello J.R.,"),
        ("Mary-Jane O'Neil", "Hello Mary-Jane O'Neil,"),
        ("Win at https://evil.example", "Hello,"),
        ("Visit evil.example now", "Hello,"),
        ("WWW.evil", "Hello,"),
    ],
)
def test_the_greeting(name: str, greeting: str) -> None:
    assert content_of(WELCOME, User(first_name=name)).text.splitlines()[0] == greeting


def test_html_is_escaped_and_text_is_not() -> None:
    ProductFactory(name="<b>Cup & saucer</b>", rating=5)
    content = content_of(WELCOME, User(first_name="<script>alert(1)<\\script>"))
    assert "<script" not in content.html
    assert "&lt;script&gt;" in content.html
    assert "&lt;b&gt;Cup &amp; saucer&lt;/b&gt;" in content.html
    assert "<b>Cup & saucer</b>" in content.text


@pytest.mark.parametrize("kind", [WELCOME, RESET])
def test_nothing_is_fetched_when_it_is_read(kind: OutgoingMail.Kind) -> None:
    html = content_of(kind, UserFactory()).html
    assert not re.search(r"<(img|link|script|iframe)|url\(|src=|background=", html)


def test_no_name_reaches_a_header() -> None:
    user = UserFactory(first_name="Ann\r\nBcc: bob@example.com", last_name="x\nSubject: y")
    message = message_of(OutgoingMail(kind=WELCOME), user).message()
    assert message["Bcc"] is None
    assert message["To"] == user.email
    assert message["Subject"] == "Welcome to Vitrine"


class TestPreview:
    """`manage.py preview_mail`."""

    def test_a_page_to_look_at(self, tmp_path: Path, capsys: Any) -> None:
        call_command("preview_mail", "welcome", out=tmp_path / "page.html")
        assert "Hello Ann," in (tmp_path / "page.html").read_text()
        printed = capsys.readouterr().out
        assert printed.startswith("Subject: Welcome to Vitrine")
        assert str(tmp_path / "page.html") in printed
        assert not OutgoingMail.objects.exists()

    def test_to_an_account(self, tmp_path: Path) -> None:
        UserFactory(email="bob@example.com", first_name="Bob")
        call_command("preview_mail", "password-reset", to="BOB@example.com", out=tmp_path / "page.html")
        assert "Hello Bob," in (tmp_path / "page.html").read_text()
        with pytest.raises(CommandError, match="no account"):
            call_command("preview_mail", "welcome", to="x@example.com")
