"""Makes the mails: text and HTML from templates, for one recipient, without any remote content."""

from dataclasses import dataclass
from email.utils import formatdate, parseaddr
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from catalog.selectors import recommended_products
from users.addresses import deliverable
from users.mail.names import greeted_name
from users.models import OutgoingMail, User

MAX_RECOMMENDED = 3


@dataclass(frozen=True)
class Content:
    """A mail's subject, its text and its HTML."""

    subject: str
    text: str
    html: str


def content_of(kind: OutgoingMail.Kind, user: User) -> Content:
    """The current content of this kind of mail for this account."""
    common = {"name": greeted_name(user.first_name), "shop": settings.SHOP_NAME, "site_url": settings.SITE_URL}
    context = {**common, **_CONTEXT[kind](user)}
    template = f"mail/{kind.lower()}"
    return Content(
        subject=" ".join(render_to_string(f"{template}.subject.txt", context).split()),
        text=render_to_string(f"{template}.txt", context),
        html=render_to_string(f"{template}.html", context),
    )


def message_of(mail: OutgoingMail, user: User) -> EmailMultiAlternatives:
    """The mail, ready to be sent to the account's stored address."""
    content = content_of(OutgoingMail.Kind(mail.kind), user)
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    headers = {
        "Message-ID": f"<{mail.kind.lower().replace('_', '-')}.{mail.uid}@{domain}>",
        "Date": formatdate(),
        "Auto-Submitted": "auto-generated",  # RFC 3834 §5: no out-of-office answers
    }
    message = EmailMultiAlternatives(content.subject, content.text, to=[deliverable(user.email)], headers=headers)
    message.attach_alternative(content.html, "text/html")
    return message


def _welcome(user: User) -> dict[str, Any]:
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


def _password_reset(user: User) -> dict[str, Any]:
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return {
        "url": settings.PASSWORD_RESET_URL.format(uid=uid, token=token),
        "minutes": settings.PASSWORD_RESET_TIMEOUT // 60,
    }


_CONTEXT = {OutgoingMail.Kind.WELCOME: _welcome, OutgoingMail.Kind.PASSWORD_RESET: _password_reset}
