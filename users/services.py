"""Creates and changes accounts. `address` is always the client's network address, by which attempts are counted."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password, verify_password
from django.contrib.auth.password_validation import password_changed
from django.contrib.auth.tokens import default_token_generator
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.encoding import DjangoUnicodeDecodeError
from django.utils.http import urlsafe_base64_decode

from core.auth import tokens
from core.auth.guests import Guest, guest_signed_in
from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, FieldError, InvalidInput, Throttled
from core.jobs.notify import notify
from users import hashers, refresh_tokens, throttles, validators
from users.addresses import fold_email
from users.mail import outbox
from users.models import OutgoingMail, User
from users.refresh_tokens import SignedIn
from users.tasks import send_due_mail


def register(
    *,
    email: str,
    password: str,
    first_name: str = "",
    last_name: str = "",
    guest_token: str | None = None,
    address: str,
) -> SignedIn:
    """Creates an account and signs in. The welcome mail is due later. Raises InvalidInput (ALREADY_EXISTS), Throttled.

    A known address costs the same hashing as a new one. Only the database's unique column tells them apart.
    For `guest_token` see `sign_in`.
    """
    hashers.slots.check()
    guest = _guest(guest_token)
    user = _checked_account(email, password, first_name, last_name)
    throttles.check_registration(address)
    with hashers.slots.hold():
        throttles.count_registration(address)
        user.set_password(password)

    def create() -> SignedIn:
        user.pk = None  # a deadlock may have undone an earlier attempt
        user.save(force_insert=True)
        outbox.enqueue(OutgoingMail.Kind.WELCOME, user=user, delay=settings.WELCOME_EMAIL_DELAY)
        errors = _take_over(guest, user)
        return replace(refresh_tokens.begin(user), errors=errors)

    try:
        signed_in = run_in_transaction(create)
    except IntegrityError:
        if not User.objects.filter(email_folded=fold_email(user.email)).exists():
            raise
        message = "There is an account with this e-mail address already."
        raise InvalidInput.at("email", message=message, code=ErrorCode.ALREADY_EXISTS) from None
    throttles.remember_client(user.email_folded, address)
    return signed_in


def check_credentials(*, email: str, password: str, address: str) -> User:
    """The active account of these credentials. Raises InvalidInput (INVALID_CREDENTIALS), Throttled.

    An unknown address, a wrong password and a deactivated account get the same answer after the same time: one hash.
    """
    hashers.slots.check()
    folded = fold_email(email)
    user = User.objects.filter(email_folded=folded).first()
    if not knows_password(user, folded, password, address) or user is None:
        message = "There is no account with this e-mail address and password."
        raise InvalidInput.at(message=message, code=ErrorCode.INVALID_CREDENTIALS)
    return user


def sign_in(*, email: str, password: str, guest_token: str | None = None, address: str) -> SignedIn:
    """A pair of tokens for the right credentials. Raises what `check_credentials` raises.

    With a guest token the account takes over what the guest has. What it cannot take over does not stop the sign-in: it
    is in the result's `errors`.
    """
    guest = _guest(guest_token)
    user = check_credentials(email=email, password=password, address=address)

    def begin() -> SignedIn:
        # First, as a mutation of the cart locks the cart before the account.
        errors = _take_over(guest, user)
        # Nothing, when the account was deleted meanwhile: its tokens do not hold then.
        User.objects.filter(pk=user.pk, is_active=True).update(last_login=timezone.now())
        return replace(refresh_tokens.begin(user), errors=errors)

    return run_in_transaction(begin)


def _guest(token: str | None) -> Guest | FieldError | None:
    """The guest of a guest token, or what is wrong with the token."""
    if token is None:
        return None
    try:
        return tokens.verify_guest(token)
    except tokens.TokenRefused as refused:
        message = f"The guest's cart was not taken over. {refused.reason.guest_message}"
        return FieldError(("guestToken",), message, ErrorCode.INVALID_TOKEN)


def _take_over(guest: Guest | FieldError | None, user: User) -> tuple[FieldError, ...]:
    """Gives the account what the guest has, within the current transaction. An error names what it cannot take."""
    if guest is None:
        return ()
    if isinstance(guest, FieldError):
        return (guest,)
    answers: Any = guest_signed_in.send(sender=User, guest=guest, user=user)
    return tuple(error for _, errors in answers for error in errors)


def refresh(*, token: str, address: str) -> SignedIn:
    """Spends a refresh token; returns the next pair. Raises InvalidInput (INVALID_TOKEN), Throttled."""
    throttles.count_refresh(address)
    return refresh_tokens.rotate(token)


def revoke(*, token: str) -> None:
    """Signs one device out: ends its family of refresh tokens. The access token holds until it expires."""
    refresh_tokens.revoke(token)


def revoke_all(*, user: User) -> None:
    """Signs every device of the account out, at once."""
    user.end_tokens()


def deactivate(*, user: User) -> None:
    """Deactivates the account: it cannot sign in, and all its tokens end at once."""
    user.is_active = False
    user.save(update_fields=["is_active"])


def change_password(*, user: User, current_password: str, new_password: str, address: str) -> SignedIn:
    """Sets a new password and ends every token; returns a new pair. Raises InvalidInput, Throttled.

    A wrong current password counts as a failed sign-in, so that a stolen access token does not allow more guesses.
    """
    if not knows_password(user, user.email_folded, current_password, address):
        raise wrong_password("currentPassword")
    validators.check_password(new_password, user, "newPassword")
    if not _replace_password(user, new_password):
        message = "The password has just been changed elsewhere."
        raise InvalidInput.at("currentPassword", message=message, code=ErrorCode.INVALID_CREDENTIALS)
    return run_in_transaction(lambda: refresh_tokens.begin(user))


def request_password_reset(*, email: str, address: str) -> None:
    """Enqueues a mail with a link to set a new password. Raises InvalidInput (not an address), Throttled.

    The account is looked up when the mail is sent. Until then a known and an unknown address are the same row.
    """
    email = fold_email(validators.checked_email(email))
    throttles.count_reset_mail(email, address)
    run_in_transaction(lambda: outbox.enqueue(OutgoingMail.Kind.PASSWORD_RESET, asked_for=email))
    transaction.on_commit(lambda: notify(send_due_mail.name))


def reset_password(*, uid: str, token: str, new_password: str, address: str) -> User:
    """Sets the password by a mailed link, which works once; ends every token. Raises InvalidInput, Throttled."""
    throttles.count_reset(address)
    user = _account_of(uid)
    if user is None or not default_token_generator.check_token(user, token):
        raise link_refused()
    validators.check_password(new_password, user, "newPassword")
    if not _replace_password(user, new_password):
        raise link_refused()
    throttles.remember_client(user.email_folded, address)
    return user


def _checked_account(email: str, password: str, first_name: str, last_name: str) -> User:
    """An unsaved account without its password. Raises InvalidInput with every error."""
    field_errors: list[FieldError] = []
    user = User(email=email.strip())
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("email", lambda: validators.checked_email(email)),
        ("first_name", lambda: validators.checked_name(first_name, "firstName")),
        ("last_name", lambda: validators.checked_name(last_name, "lastName")),
    )
    for field, check in checks:
        try:
            setattr(user, field, check())
        except InvalidInput as error:
            field_errors += error.field_errors
    try:
        validators.check_password(password, user, "password")
    except InvalidInput as error:
        field_errors += error.field_errors
    if field_errors:
        raise InvalidInput(field_errors)
    return user


def knows_password(user: User | None, email: str, password: str, address: str) -> bool:
    """Whether it is the active account's password. Always hashes once. Counts failures. Raises Throttled.

    The attempt is counted before the password is checked, so that parallel guesses cannot exceed the limit.
    """
    # The limits are checked first, because that needs no slot. The attempt is recorded only with a slot.
    throttles.check_sign_in(email, address)
    # "!" is not a usable password. Django hashes once for it too.
    stored_hash = user.password if user is not None and len(password) <= validators.MAX_PASSWORD_LENGTH else "!"
    with hashers.slots.hold():
        counted = throttles.count_sign_in(email, address)
        is_right, is_outdated = verify_password(password, stored_hash)
    if user is None or not is_right or not user.is_active:
        return False
    throttles.was_no_failure(counted)
    throttles.remember_client(email, address)
    if is_outdated:
        # Only after success. After a failure, the time of a second hash would reveal what was wrong.
        _hash_again(user, password)
    return True


def _hash_again(user: User, password: str) -> None:
    """Replaces an outdated hash of the right password, unless too many passwords are being hashed now."""
    with suppress(Throttled):
        hashed = make_password(password)
        # Past the history: the password is the same.
        if User._base_manager.filter(pk=user.pk, password=user.password).update(password=hashed):
            user.password = hashed


def _replace_password(user: User, password: str) -> bool:
    """Sets a new password and ends every token; False when the stored one has changed since it was read."""
    hashed = make_password(password)
    unchanged = User.objects.filter(pk=user.pk, password=user.password, is_active=True)
    if not unchanged.update(password=hashed, token_generation=F("token_generation") + 1):
        return False
    user.refresh_from_db()
    password_changed(password, user)
    return True


def _account_of(uid: str) -> User | None:
    try:
        key = int(urlsafe_base64_decode(uid).decode())
        return User.objects.filter(pk=key, is_active=True).first()
    except (ValueError, OverflowError, DjangoUnicodeDecodeError):
        return None


def wrong_password(field: str) -> InvalidInput:
    message = "This is not your current password."
    return InvalidInput.at(field, message=message, code=ErrorCode.INVALID_CREDENTIALS)


def link_refused() -> InvalidInput:
    message = "The link is not valid, or no longer: ask for a new one."
    return InvalidInput.at("token", message=message, code=ErrorCode.INVALID_TOKEN)
