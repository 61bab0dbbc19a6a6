"""The shop's own words in mails: settings, and templates in a folder of its own."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings

from users.mail import outbox
from users.mail.content import Content, content_of
from users.mail.looks import contrast
from users.models import OutgoingMail
from users.tests.factories import UserFactory

pytestmark = pytest.mark.django_db
Kind = OutgoingMail.Kind


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """The shop's folder of templates, empty."""
    (tmp_path / "mail").mkdir()
    settings.MAIL_TEMPLATES_DIR = tmp_path
    return tmp_path / "mail"


def welcome(**fields: Any) -> Content:
    return content_of(OutgoingMail(kind=Kind.WELCOME), UserFactory(**fields))


def forms(content: Content) -> list[str]:
    return [content.text, content.html]


@pytest.mark.parametrize("kind", Kind)
def test_a_mail_says_what_the_shop_says_of_itself(settings: Settings, kind: OutgoingMail.Kind) -> None:
    settings.SHOP_NAME, settings.SHOP_DESCRIPTION = "Bolt & Nut", "Screws <since> 1920."
    settings.SHOP_FOOTER = ["Bolt & Nut Ltd", "1 Mill Lane, York", "VAT GB123"]
    content = content_of(OutgoingMail(kind=kind), UserFactory())
    assert "Bolt & Nut" in content.subject
    assert "Bolt & Nut Ltd\n1 Mill Lane, York\nVAT GB123" in content.text
    assert "Bolt &amp; Nut Ltd<br>1 Mill Lane, York<br>VAT GB123" in content.html
    assert "for the home" not in content.text + content.html
    if kind == Kind.WELCOME:
        assert "welcome to Bolt & Nut. Screws <since> 1920." in content.text
        assert "Screws &lt;since&gt; 1920." in content.html


def test_by_default_it_claims_nothing() -> None:
    assert "welcome to Vitrine.\n" in welcome().text


def test_a_logo_is_shown_with_the_name_in_its_place(settings: Settings) -> None:
    settings.SHOP_LOGO_URL = "https://shop.example/logo.png"
    assert '<img src="https://shop.example/logo.png" alt="Vitrine"' in welcome().html


@pytest.mark.parametrize("accent", ["#000000", "#ffffff", "#ffee00", "#7d5a3c", "#777777", "#FF0000", "#00ff00"])
def test_text_on_any_accent_can_be_read(settings: Settings, folder: Path, accent: str) -> None:
    settings.SHOP_COLOR = accent
    names = ["accent", "on_accent", "title", "dark_title"]
    (folder / "welcome.txt").write_text(" ".join(f"{{{{ colors.{name} }}}}" for name in names))
    accent, on_accent, title, dark_title = welcome().text.split()
    assert contrast(on_accent, accent) >= 4.5
    assert contrast(title, "#ffffff") >= 4.5
    assert contrast(dark_title, "#24211d") >= 4.5


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_any_of_the_shops_templates_takes_the_place_of_ours(folder: Path) -> None:
    ours = welcome(first_name="O'Neil")
    (folder / "welcome.txt").write_text("Ahoy {{ name }}")
    own = welcome(first_name="O'Neil")
    assert own.text == "Ahoy O'Neil"
    assert (own.subject, own.html) == (ours.subject, ours.html)
    (folder / "welcome.html").write_text('{% extends "mail/welcome.html" %}{% block why %}Aye {{ name }}{% endblock %}')
    (folder / "welcome.subject.txt").write_text("Ahoy\r\nBcc: eve@example.com\n\0{{ name }}\n")
    own = welcome(first_name="O'Neil")
    assert "Aye O&#x27;Neil" in own.html
    assert "Your account is ready" in own.html
    assert own.subject == "Ahoy Bcc: eve@example.com O'Neil"


BROKEN = {
    "no end": "{% if name %}Hello",
    "no such tag": "{% hello %}",
    "no such variable": "Hello {{ nmae }}",
    "no such variable in a condition": "{% if shop or nmae %}{% endif %}{% if nmae or shop %}{% endif %}",
    "no such variable without a name": "{% if name %}Hello{% else %}{{ nmae }}{% endif %}",
    "no such variable without products": "{% for product in products %}{% empty %}{{ nmae }}{% endfor %}",
    "no such attribute": "{% for product in products %}{{ product.nmae }}{% endfor %}",
    "no such template": '{% extends "mail/nmae.html" %}',
    "a filter that fails": "{{ shop|add }}",
}


@pytest.mark.parametrize("template", BROKEN.values(), ids=BROKEN)
def test_the_check_names_a_broken_template(folder: Path, template: str) -> None:
    (folder / "welcome.html").write_text(f"\n{template}")
    with pytest.raises(SystemCheckError, match=r"users\.E001") as refusal:
        call_command("check")
    assert "welcome.html" in str(refusal.value)
    (folder / "welcome.html").unlink()
    call_command("check")


def test_bytes_that_are_no_text_are_named_too(folder: Path) -> None:
    (folder / "welcome.html").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SystemCheckError, match=r"mail/welcome\.html"):
        call_command("check")


def test_a_mail_waits_for_the_mended_template(folder: Path, mailoutbox: list[Any]) -> None:
    """It is FAILED at once, with the reason, and is sent again after mending without a restart."""
    mail = outbox.enqueue(Kind.WELCOME, user=UserFactory())
    (folder / "welcome.subject.txt").write_text("Hello {{ nmae }}")
    assert outbox.sweep(seconds=5) == 0
    mail.refresh_from_db()
    assert (mail.status, mail.attempts) == ("FAILED", 1)
    assert "welcome.subject.txt, line 1: there is no variable “nmae”" in mail.reason
    (folder / "welcome.subject.txt").write_text("Hello {{ name }}!")
    assert outbox.send_again(OutgoingMail.objects.all()) == 1
    assert outbox.sweep(seconds=5) == 1
    assert [message.subject for message in mailoutbox] == ["Hello !"]
