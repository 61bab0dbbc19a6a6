"""What users change of their own account: names and e-mail address.

Each function takes the account as the request has read it, and `locked` reads it again. So nothing is written into an
account that was deleted, deactivated or signed out meanwhile.
"""

from django.db import IntegrityError, transaction

from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, FieldError, InvalidInput
from core.jobs.notify import notify
from users import email_links, services, throttles, validators
from users.addresses import fold_email
from users.mail import outbox
from users.models import OutgoingMail, User
from users.tasks import send_due_mail

Kind = OutgoingMail.Kind


def update_profile(*, user: User, **names: str | None) -> User:
    """Changes `first_name`, `last_name` or both; None empties a name. Raises InvalidInput with every mistake."""
    field_errors: list[FieldError] = []
    checked: dict[str, str] = {}
    for field, name in names.items():
        path = {"first_name": "firstName", "last_name": "lastName"}[field]
        try:
            checked[field] = validators.checked_name(name or "", path)
        except InvalidInput as error:
            field_errors += error.field_errors
    if field_errors:
        raise InvalidInput(field_errors)

    def update() -> User:
        account = locked(user)
        changed = [field for field, name in checked.items() if getattr(account, field) != name]
        for field in changed:
            setattr(account, field, checked[field])
        if changed:
            account.save(update_fields=changed)
        return account

    return run_in_transaction(update)


def request_email_change(*, user: User, new_email: str, password: str, address: str) -> None:
    """Enqueues a mail to the new address, with a link to confirm it. Raises InvalidInput, Throttled.

    Whether the new address has an account is looked up when the mail is sent. Its owner then gets a mail that says so
    in place of the link.
    """
    new_email = validators.checked_email(new_email, "newEmail")
    if not services.knows_password(user, user.email_folded, password, address):
        raise services.wrong_password("password")
    if new_email == user.email:
        raise InvalidInput.at("newEmail", message="This is your address already.")
    throttles.count_change_mail(fold_email(new_email), address)

    def enqueue() -> None:
        binding = email_links.binding_of(locked(user))
        outbox.enqueue(Kind.EMAIL_CHANGE, user=user, address=new_email, binding=binding)

    run_in_transaction(enqueue)
    transaction.on_commit(lambda: notify(send_due_mail.name))


def confirm_email_change(*, token: str, address: str) -> User:
    """Gives the account the address that the link was mailed to, and enqueues a notice to the former address.

    Ends no tokens of the account, but every other link to change its address. Raises InvalidInput: INVALID_TOKEN, or
    ALREADY_EXISTS when the address has got an account since; Throttled.
    """
    throttles.count_reset(address)
    uid = email_links.read_token(token)
    if uid is None:
        raise services.link_refused()

    def confirm() -> User:
        links = OutgoingMail.objects.filter(kind=Kind.EMAIL_CHANGE).exclude(binding="")
        keys = links.filter(uid=uid).values_list("user", flat=True)
        user = User.objects.select_for_update().filter(pk__in=[*keys], is_active=True).first()
        # Read after the lock: another use of the same link may have come first.
        link = links.filter(uid=uid).first()
        if user is None or link is None or link.binding != email_links.binding_of(user):
            raise services.link_refused()
        links.filter(user=user).update(address="", binding="")
        outbox.enqueue(Kind.EMAIL_CHANGED, user=user, address=user.email)
        user.email = link.address
        user.save(update_fields=["email"])
        return user

    try:
        user = run_in_transaction(confirm)
    except IntegrityError:
        # The link proves that the address is its user's, so this tells nothing to a stranger.
        message = "There is an account with this e-mail address already."
        raise InvalidInput.at("token", message=message, code=ErrorCode.ALREADY_EXISTS) from None
    throttles.remember_client(user.email_folded, address)
    transaction.on_commit(lambda: notify(send_due_mail.name))
    return user


def locked(user: User) -> User:
    """The account, read again and locked until the transaction ends. Raises InvalidInput when its tokens have ended."""
    same = User.objects.filter(pk=user.pk, is_active=True, token_generation=user.token_generation)
    account = same.select_for_update().first()
    if account is None:
        message = "The account has just been signed out everywhere. Sign in again."
        raise InvalidInput.at(message=message, code=ErrorCode.INVALID_TOKEN)
    return account
