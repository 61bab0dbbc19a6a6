"""What the mails say, and that no name can say more."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils.html import escape
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
    content = content_of(OutgoingMail(kind=WELCOME), User(first_name="Ann"))
    for form in (content.text, content.html):
        assert re.findall(r"Good \d|Sold out|Archived|Bad|Unrated", form) == ["Good 0", "Good 1", "Good 2"]
        assert f"https://shop.example/products/{wanted[0].slug}" in form
        assert "1234.50 EUR" in form


def test_an_empty_shop_recommends_nothing() -> None:
    content = content_of(OutgoingMail(kind=WELCOME), User(first_name="Ann"))
    assert "in stock" not in content.text + content.html


NAMES = [
    *(
        "Ann",
        "ann",
        "J.R.",
        "J. R.",
        "Mary-Jane O'Neil",
        "O’Brien",
        "Jean‐Luc",
        "Kaʻiulani",
        "Zoë",
        "İpek",
        "Nguyễn Thị",
    ),
    *(
        "Анна-Мария",
        "Νίκος",
        "Ямада",
        "李小龙",
        "山田太郎",
        "キャサリン",
        "ゆうこ",
        "김민수",
        "हिन्दी",
        "தமிழ்",
        "สมชาย",
        "คำ",
        "محمد",
    ),
]
NO_NAMES = [
    *(
        "",
        "  ",
        "bit.ly",
        "bit[.]ly",
        "bit . ly",
        "Visit evil.example now",
        "https://evil.example",
        "t.me",
        "a/b",
        "@ann",
    ),
    *(
        "Win 100",
        "+49 170 1234567",
        "٣٤٥",
        "Ⅷ",
        "½",
        "call now free",
        "evil dot com",
        "b.i.t.l.y",
        "evil．com",
        "evil。com",
    ),
    *(
        "x" * 21,
        "x" * 150,
        "加我微信领取免费",
        "Аnn",
        "ｂｉｔ",
        "𝓦𝓲𝓷",
        "bitꓸly",
        "bitꞏly",
        "a·b",
        "a:b",
        "a" + "\u0301" * 9,
    ),
    *(
        "Ann\nBcc: x",
        "Ann\r",
        "Ann\u2028",
        "Ann\u202e",
        "a\u200db",
        "\u0301a",
        "Ann\u00a0B",
        "Ann  B",
        "Ann\tB",
        "A B C",
    ),
    *(
        "Ann,",
        "Ann!",
        "-Ann",
        "Ann-",
        "O''N",
        "A--B",
        "Ann_",
        "..",
        "J.R.R.T.",
        "<b>",
        "&amp;",
        "{{name}}",
        "😀 Ann",
        "\0",
    ),
]


@pytest.mark.parametrize("kind", [WELCOME, RESET])
def test_a_name_is_greeted(kind: OutgoingMail.Kind) -> None:
    for name in NAMES:
        content = content_of(OutgoingMail(kind=kind), User(pk=1, first_name=f" {name} "))
        assert content.text.splitlines()[0] == f"Hello {name},"
        assert f"Hello {escape(name)}," in content.html


@pytest.mark.parametrize("kind", [WELCOME, RESET])
def test_what_is_not_surely_a_name_is_in_no_mail(kind: OutgoingMail.Kind) -> None:
    """Whoever registers a stranger's address must not write to them in our words."""
    nobody = content_of(OutgoingMail(kind=kind), User(pk=1, email="ann@example.com"))
    for name in NO_NAMES:
        content = content_of(
            OutgoingMail(kind=kind), User(pk=1, email="ann@example.com", first_name=name, last_name=name)
        )
        assert (content.subject, content.text.splitlines()[0]) == (nobody.subject, "Hello,"), ascii(name)
        assert "Hello," in content.html


def test_html_is_escaped_and_text_is_not() -> None:
    ProductFactory(name="<b>Cup & saucer</b>", rating=5)
    content = content_of(OutgoingMail(kind=WELCOME), User(first_name="O'Neil"))
    assert "Hello O&#x27;Neil," in content.html
    assert "Hello O'Neil," in content.text
    assert "&lt;b&gt;Cup &amp; saucer&lt;/b&gt;" in content.html
    assert "<b>Cup & saucer</b>" in content.text


@pytest.mark.parametrize("kind", [WELCOME, RESET])
def test_nothing_is_fetched_when_it_is_read(kind: OutgoingMail.Kind) -> None:
    html = content_of(OutgoingMail(kind=kind), UserFactory()).html
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
        assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o600
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
