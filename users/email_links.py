"""The links that confirm a new e-mail address. Each is a row of the outbox: its token names the row, and is signed.

So an address is in no URL, and a link works once: whoever uses it empties the row. It holds for the account as it was
when the link was asked for, by `binding_of`.
"""

import uuid

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.utils.crypto import salted_hmac

from users.models import OutgoingMail, User

SALT = "users.email_links"
_signer = TimestampSigner(salt=SALT, sep=".")


def make_token(mail: OutgoingMail) -> str:
    """The token of the link in this mail. It expires PASSWORD_RESET_TIMEOUT seconds from now."""
    return _signer.sign(mail.uid.hex)


def read_token(token: str) -> uuid.UUID | None:
    """The `uid` of the token's mail; None when the token is forged or has expired."""
    try:
        return uuid.UUID(_signer.unsign(token, max_age=settings.PASSWORD_RESET_TIMEOUT))
    except (BadSignature, ValueError):
        return None


def binding_of(user: User) -> str:
    """A digest that changes with the account's address, and whenever its tokens are ended."""
    state = f"{user.pk}\0{user.email}\0{user.token_generation}"
    return salted_hmac(SALT, state, algorithm="sha256").hexdigest()
