"""Makes the mails: subject, text and HTML from templates, for one recipient.

A kind of mail is a template mail/<kind>.html, .txt and .subject.txt, and an entry of SOURCES.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate, parseaddr
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMultiAlternatives
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from catalog.selectors import recommended_products
from users.addresses import deliverable, fold_email
from users.email_links import make_token
from users.mail.looks import shop_variables
from users.mail.names import greeted_name
from users.mail.rendering import BrokenTemplateError, render
from users.models import OutgoingMail, User

MAX_RECOMMENDED = 3
# Variables that any mail may lack.
OPTIONAL: dict[str, Any] = {"name": "", "description": "", "logo_url": "", "footer": []}
Kind = OutgoingMail.Kind
# What the templates of a kind get besides `name` and the shop's own words.
Variables = Mapping[str, Any]


@dataclass(frozen=True)
class Content:
    """A mail's subject, its text and its HTML."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Source:
    """Where the variables of a kind come from."""

    variables: Callable[[OutgoingMail, User], Variables]
    # Made up, with the same names and every part filled: for previews, and to check templates. Its links open nothing.
    sample: Callable[[], Variables]


def content_of(mail: OutgoingMail, user: User) -> Content:
    """The current content of this mail for this account. Raises BrokenTemplateError."""
    kind = Kind(mail.kind)
    if mail.is_sample:
        return sample_content(kind, name=greeted_name(user.first_name))
    return _render(kind, {"name": greeted_name(user.first_name), **SOURCES[kind].variables(mail, user)})


def sample_content(kind: OutgoingMail.Kind, *, name: str) -> Content:
    """The content of this kind of mail with made-up variables. Raises BrokenTemplateError."""
    content = _render(kind, {"name": name, **SOURCES[kind].sample()})
    return Content(f"Sample: {content.subject}", content.text, content.html)


def check_templates() -> list[str]:
    """What is wrong with the templates of each kind, with all that may be missing (OPTIONAL, lists) and without.

    What is true in the first case is false in the second, so that both branches of a condition are seen.
    """
    problems = []
    for kind in Kind:
        full = {"name": "Ann", **SOURCES[kind].sample()}
        opposite: dict[str, Any] = {name: [] for name, value in full.items() if isinstance(value, list)}
        opposite |= {name: not value for name, value in full.items() if isinstance(value, bool)}
        for variables in (full, {**full, **opposite, **OPTIONAL}):
            try:
                _render(kind, variables)
            except BrokenTemplateError as error:
                problems.append(str(error))
    return list(dict.fromkeys(problems))


def message_of(mail: OutgoingMail, user: User) -> EmailMultiAlternatives:
    """The mail, ready to be sent to its own address, or to the account's stored one. Raises BrokenTemplateError."""
    content = content_of(mail, user)
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    headers = {
        "Message-ID": f"<{mail.kind.lower().replace('_', '-')}.{mail.uid}@{domain}>",
        "Date": formatdate(),
        "Auto-Submitted": "auto-generated",  # RFC 3834 §5: no out-of-office answers
    }
    message = EmailMultiAlternatives(
        content.subject, content.text, to=[deliverable(mail.address or user.email)], headers=headers
    )
    message.attach_alternative(content.html, "text/html")
    return message


def _render(kind: OutgoingMail.Kind, variables: Variables) -> Content:
    template = f"mail/{kind.lower()}"
    context = {**shop_variables(), **variables}
    # One line, whatever the template or a name has in it.
    subject = " ".join(render(f"{template}.subject.txt", context).split())
    subject = "".join(character for character in subject if character.isprintable())
    if not subject:
        raise BrokenTemplateError(f"The template {template}.subject.txt: it is empty")
    return Content(subject, render(f"{template}.txt", context), render(f"{template}.html", context))


def _welcome(mail: OutgoingMail, user: User) -> Variables:
    products = [
        {
            "name": product.name,
            "price": f"{product.price:.2f} {settings.CURRENCY}",
            "rating": f"{product.rating:.1f}",
            "url": settings.PRODUCT_URL.format(slug=quote(product.slug)),
        }
        for product in recommended_products(limit=MAX_RECOMMENDED)
    ]
    return {"products": products}


def _sample_welcome() -> Variables:
    url = settings.PRODUCT_URL.format(slug="a-product")
    product = {"name": "A product", "price": f"129.00 {settings.CURRENCY}", "rating": "4.8", "url": url}
    return {"products": [{**product, "name": f"Product {number}"} for number in range(1, MAX_RECOMMENDED + 1)]}


def _password_reset(mail: OutgoingMail, user: User) -> Variables:
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return _reset_link(uid, default_token_generator.make_token(user))


def _reset_link(uid: str, token: str) -> Variables:
    url = settings.PASSWORD_RESET_URL.format(uid=uid, token=token)
    return {"url": url, "minutes": settings.PASSWORD_RESET_TIMEOUT // 60}


def _email_change(mail: OutgoingMail, user: User) -> Variables:
    others = User.objects.filter(email_folded=fold_email(mail.address)).exclude(pk=user.pk)
    if others.exists():
        # To the owner of another account. The name is not theirs.
        return {**_confirmation("sample"), "is_taken": True, "name": ""}
    return _confirmation(make_token(mail))


def _confirmation(token: str) -> dict[str, Any]:
    url = settings.EMAIL_CHANGE_URL.format(token=token)
    return {"url": url, "minutes": settings.PASSWORD_RESET_TIMEOUT // 60, "is_taken": False}


SOURCES = {
    Kind.WELCOME: Source(_welcome, _sample_welcome),
    Kind.PASSWORD_RESET: Source(_password_reset, lambda: _reset_link("sample", "sample")),
    Kind.EMAIL_CHANGE: Source(_email_change, lambda: _confirmation("sample")),
    Kind.EMAIL_CHANGED: Source(lambda mail, user: {}, lambda: {}),
}
