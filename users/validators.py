"""Checks of an account's address, names and password."""

import re
import unicodedata

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from core.errors import FieldError, InvalidInput, forget_stack
from core.parsing import has_unsafe_characters
from users.addresses import deliverable
from users.models import User

MAX_EMAIL_LENGTH = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
MAX_NAME_LENGTH = 150
MAX_PASSWORD_LENGTH = 1024
# Control characters and line ends of every kind. No name needs them; they could forge headers of a mail.
_CONTROL_CATEGORIES = {"Cc", "Zl", "Zp", "Cs"}
_SPACES = re.compile(r" +")


def checked_email(email: str, field: str = "email") -> str:
    """The address without spaces around it. Raises InvalidInput at the field."""
    email = email.strip()
    try:
        if len(email) > MAX_EMAIL_LENGTH or _has_controls(email) or not email.rpartition("@")[0].isascii():
            raise ValueError("It cannot be an address.")
        in_ascii = deliverable(email)
        if len(in_ascii) > MAX_EMAIL_LENGTH:
            raise ValueError("It is too long in ASCII.")
        validate_email(in_ascii)
    except (ValueError, ValidationError):
        raise InvalidInput.at(field, message="Enter a valid e-mail address.") from None
    return email


def checked_name(name: str, field: str) -> str:
    """The name with single spaces inside and none around it. Raises InvalidInput at the field."""
    name = _SPACES.sub(" ", name.strip(" "))
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidInput.at(field, message=f"A name has at most {MAX_NAME_LENGTH} characters.")
    if _has_controls(name):
        raise InvalidInput.at(field, message="A name has no line breaks or control characters.")
    return name


def check_password(password: str, user: User, field: str) -> None:
    """Raises InvalidInput at the field unless the password is good enough for this account."""
    if len(password) > MAX_PASSWORD_LENGTH or has_unsafe_characters(password):
        raise InvalidInput.at(field, message=f"A password has at most {MAX_PASSWORD_LENGTH} characters, and no NUL.")
    try:
        validate_password(password, user)
    except ValidationError as error:
        forget_stack(error)
        raise InvalidInput(FieldError((field,), message) for message in error.messages) from None


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(character) in _CONTROL_CATEGORIES for character in text)
