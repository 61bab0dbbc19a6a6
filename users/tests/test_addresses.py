"""One address is one account however it is spelled, and nobody stands in the way of a neighbour's."""

import importlib
from typing import Any

import idna
import pytest
from django.apps import apps
from django.core import mail
from hypothesis import given
from hypothesis import strategies as st

from core.tests.clients import Api
from users import tasks
from users.addresses import MAX_DOMAIN, ascii_domain, fold_email
from users.models import OutgoingMail, User
from users.tests.factories import UserFactory
from users.tests.operations import ASK, PASSWORD, codes, register, sign_in

INVALID = [("email", "INVALID")]
SAME = [
    ("a@straße.de", "A@xn--strae-oqa.DE"),
    ("a@bücher.example", "a@xn--bcher-kva.example"),
    ("a@BÜCHER.example", "a@bu\u0308cher.example"),
    ("a@日本語.jp", "a@日本語。jp"),
    ("a@пример.рф", "a@XN--E1AFMKFD.xn--p1ai"),
    ("a@ｅｘａｍｐｌｅ.com", "A@example.com"),
]
APART = [
    ("a@straße.de", "a@strasse.de"),
    ("a@faß.example", "a@fass.example"),
    ("a@bücher.example", "a@bucher.example"),
    ("a@ıstanbul.example", "a@istanbul.example"),
    ("a@οδος.gr", "a@οδοσ.gr"),
    ("a.b@example.com", "ab@example.com"),
]
IMPOSSIBLE = [
    "a@" + "ß" * 200 + ".de",
    "a@" + "ß" * 63 + ".de",
    "a@" + ".".join(["ß" * 20] * 10) + ".de",
    "a@" + "ﷺ" * 60 + ".com",
    "a@xn--" + "9" * 50 + ".de",
    "a@xn--a.com",
    "a@xn--.com",
    "a@xn--strae-oqa-.de",
    "a@😀.com",
    "a@-a.com",
    "a@\u0301a.com",
    "a@a\u200db.com",
    "a@a\u202eb.com",
    "a@a..com",
    "a@a_b.com",
    "a@" + "a." * 130 + "de",
    "straße@example.com",
    "@example.com",
    "a@",
    "a@b@c",
    "a" * 100_000,
    "a@" + "\U0001f986" * 50_000,
]


@pytest.mark.django_db
@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_spellings_are_one_account(nobody: Api, one: str, other: str) -> None:
    assert register(nobody, one)["errors"] == []
    assert codes(register(nobody, other)) == [("email", "ALREADY_EXISTS")]
    for spelling in (one, other):
        assert sign_in(nobody, spelling, PASSWORD)["token"]


@pytest.mark.django_db
@pytest.mark.parametrize(("one", "other"), APART)
def test_neighbours_are_two_accounts(nobody: Api, one: str, other: str) -> None:
    for n, address in enumerate((one, other)):
        assert register(nobody, address, f"{PASSWORD}{n}")["errors"] == []
    assert codes(sign_in(nobody, other, f"{PASSWORD}0")) == [(None, "INVALID_CREDENTIALS")]
    assert sign_in(nobody, one, f"{PASSWORD}0")["token"]


@pytest.mark.django_db
@pytest.mark.parametrize("email", IMPOSSIBLE, ids=lambda email: ascii(email)[:30])
def test_what_can_be_no_address_is_named_everywhere(nobody: Api, admin_client: Any, email: str) -> None:
    assert codes(register(nobody, email)) == INVALID
    assert codes(nobody.graphql(ASK, email=email)["passwordResetRequest"]) == INVALID
    assert codes(sign_in(nobody, email)) == [(None, "INVALID_CREDENTIALS")]
    response = nobody.send("auth/register/", email=email, password=PASSWORD)
    assert (response.status_code, response.json()["errors"][0]["attr"]) == (400, "email")
    form = {"email": email[:2000], "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    page = admin_client.post("/admin/users/user/add/", form)
    assert (page.status_code, "email" in page.context["adminform"].form.errors) == (200, True)


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["a@straße.de", "a@XN--STRAE-OQA.de"])
def test_mail_goes_to_the_domain_that_was_meant(nobody: Api, email: str) -> None:
    """Python's idna of 2003 would send it to strasse.de."""
    register(nobody, email)
    nobody.graphql(ASK, email="a@straße.de")
    tasks.send_due_mail()
    (message,) = mail.outbox
    assert message.message()["To"] == "a@xn--strae-oqa.de"


@given(st.lists(st.text(max_size=70), min_size=1, max_size=4).map(".".join))
def test_any_text_is_a_domain_or_is_refused(text: str) -> None:
    try:
        domain = ascii_domain(text)
    except ValueError:
        return
    assert domain.isascii()
    assert len(domain) <= MAX_DOMAIN
    assert ascii_domain(domain) == domain
    assert fold_email(fold_email(f"A@{text}")) == fold_email(f"A@{text}") == f"a@{domain}"


@given(st.text(st.characters(categories=["Ll", "Lu", "Nd"], max_codepoint=0x24F), min_size=1, max_size=40))
def test_it_is_what_the_standard_says(label: str) -> None:
    """Compared with the package idna for scripts whose domains have no rules of context."""
    try:
        wanted = idna.encode(f"{label}.example", uts46=True).decode()
    except idna.IDNAError:
        return
    assert ascii_domain(f"{label}.example") == wanted


@given(st.text(max_size=300))
def test_folding_never_fails(text: str) -> None:
    assert fold_email(text) == fold_email(fold_email(text))


@pytest.mark.django_db
class TestMigration:
    """Accounts of before, folded by case alone."""

    @staticmethod
    def migrate() -> None:
        importlib.import_module("users.migrations.0003_fold_domains").fold(apps, None)

    @staticmethod
    def old(email: str, **fields: Any) -> User:
        user = UserFactory(email=email, **fields)
        User.objects.filter(pk=user.pk).update(email_folded=email.casefold())
        return user

    def test_each_address_is_folded_anew(self, nobody: Api) -> None:
        user = self.old("Ann@Straße.de")
        self.migrate()
        user.refresh_from_db()
        assert user.email_folded == "ann@xn--strae-oqa.de"
        assert sign_in(nobody, "ann@xn--strae-oqa.de")["token"]
        assert register(nobody, "ann@strasse.de")["errors"] == []

    def test_of_two_accounts_with_one_address_the_one_in_use_keeps_it(self, nobody: Api, capsys: Any) -> None:
        unused = self.old("ann@bücher.example")
        User.objects.filter(pk=unused.pk).update(email_folded="-")
        used = self.old("ann@xn--bcher-kva.example")
        sign_in(nobody, used.email)
        User.objects.filter(pk=unused.pk).update(email_folded="ann@bücher.example")
        for _ in range(2):
            self.migrate()
        unused.refresh_from_db()
        used.refresh_from_db()
        assert (used.email_folded, used.is_active, unused.is_active) == ("ann@xn--bcher-kva.example", True, False)
        assert sign_in(nobody, "ann@bücher.example")["token"]
        assert str([unused.pk]) in capsys.readouterr().out
        assert OutgoingMail.objects.count() == 0

    def test_nothing_to_do(self, capsys: Any) -> None:
        self.old("ann@example.com")
        self.migrate()
        assert User.objects.get().email_folded == "ann@example.com"
        assert capsys.readouterr().out == ""
