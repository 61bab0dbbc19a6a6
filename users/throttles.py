"""The limits of sign-ins, registrations and resets. `address` is always the client's network address.

Three limits slow down guessing a password. Two refuse: they count the failures of one client for one account, and of
one client for all accounts (an IPv6 client is a /64; the /56 and /48 around it have limits too). The third counts an
account's failures from anywhere. Above it, clients that the account does not know share a few attempts a minute.

So guesses from many addresses are slow, and yet nobody can lock an owner out. A client from which they signed in before
is not slowed. Elsewhere, a site that has not failed yet goes first. A mailed reset link is not slowed, and after it the
account knows the client.
"""

from collections.abc import Iterable

from django.conf import settings

from core.throttling import attempts
from core.throttling.attempts import MoreLimits, Recorded, RecordedAttempt
from core.throttling.limits import Limit, client_limits, client_network, multiply, site_network

# For all accounts together, a client may do ten times what it may do for one.
ALL_ACCOUNTS_FACTOR = 10
# While an account is slowed, one attempt in this time: for first attempts of a site in the window, and for all others.
FIRST_ATTEMPT_EVERY_SECONDS, OTHER_ATTEMPT_EVERY_SECONDS = 2, 10
# How long an account knows a client that signed in.
KNOWN_SECONDS = 90 * 86400


def check_registration(address: str) -> None:
    """Raises Throttled when `count_registration` would, without counting."""
    attempts.check(*_registrations(address))


def count_registration(address: str) -> None:
    """Counts a registration. Raises Throttled."""
    attempts.record(*_registrations(address))


def count_refresh(address: str) -> None:
    """Counts a refresh of tokens. Raises Throttled."""
    attempts.record(*client_limits(settings.THROTTLE_REFRESH, "refresh", address=address))


def count_reset(address: str) -> None:
    """Counts the use of a mailed link. Raises Throttled."""
    attempts.record(*_resets(address))


def count_reset_mail(email: str, address: str) -> None:
    """Counts a reset mail to a folded e-mail address. Raises Throttled."""
    attempts.record(*_resets(address), Limit(settings.THROTTLE_RESET, ("reset-mail", email)))


def count_sample_mail(user_id: int) -> None:
    """Counts a sample that a member of the staff has sent to them. Raises Throttled."""
    attempts.record(Limit(settings.THROTTLE_SAMPLE_MAIL, ("sample-mail", str(user_id))))


def count_change_mail(email: str, address: str) -> None:
    """Counts a mail to confirm a folded e-mail address. Raises Throttled."""
    attempts.record(*_resets(address), Limit(settings.THROTTLE_RESET, ("change-mail", email)))


def check_sign_in(email: str, address: str) -> None:
    """Raises Throttled when `count_sign_in` would, without counting."""
    limits, more_limits = _sign_ins(email, address)
    attempts.check(*limits, more_limits=more_limits)


def count_sign_in(email: str, address: str) -> list[RecordedAttempt]:
    """Counts an attempt at the account of a folded e-mail address as a failure, before the password is checked.

    Returns what `was_no_failure` takes back. Raises Throttled, also for addresses without an account.
    """
    limits, more_limits = _sign_ins(email, address)
    recorded = attempts.record(*limits, more_limits=more_limits)
    return [recorded[limit] for limit in limits if limit in recorded]


def was_no_failure(recorded: Iterable[RecordedAttempt]) -> None:
    """Takes a counted sign-in out of the count."""
    attempts.withdraw(recorded)


def remember_client(email: str, address: str) -> None:
    """Makes the account of a folded e-mail address know a client that has just signed in or reset the password."""
    if not attempts.is_counted(_known(email, address)):
        attempts.record(_known(email, address))


def _sign_ins(email: str, address: str) -> tuple[list[Limit], MoreLimits]:
    """The limits that count an attempt, and a function that returns further ones when the account is slowed."""
    soft = settings.THROTTLE_SIGN_IN_ACCOUNT if settings.THROTTLE_SIGN_IN else None
    of_account = Limit(soft, ("sign-in-account", email), refuses=False)
    of_site = Limit(soft, ("sign-in-site", email, site_network(address)), refuses=False)
    limits = [
        # The client's own limits come first, so that a refused client writes no row for another account.
        *client_limits(multiply(settings.THROTTLE_SIGN_IN, ALL_ACCOUNTS_FACTOR), "sign-in-client", address=address),
        Limit(settings.THROTTLE_SIGN_IN, ("sign-in", email, client_network(address))),
        of_site,
        of_account,
    ]

    def more_limits(recorded: Recorded) -> list[Limit]:
        """Slows clients that the account does not know; first attempts of a site have a limit of their own."""
        if soft is None or recorded[of_account].count <= soft[0] or attempts.is_counted(_known(email, address)):
            return []
        if recorded[of_site].count == 1:
            return [Limit((1, FIRST_ATTEMPT_EVERY_SECONDS), ("sign-in-first", email))]
        return [Limit((1, OTHER_ATTEMPT_EVERY_SECONDS), ("sign-in-other", email))]

    return limits, more_limits


def _registrations(address: str) -> list[Limit]:
    return client_limits(settings.THROTTLE_REGISTER, "register", address=address)


def _known(email: str, address: str) -> Limit:
    return Limit((1, KNOWN_SECONDS), ("signed-in", email, client_network(address)), refuses=False)


def _resets(address: str) -> list[Limit]:
    return client_limits(multiply(settings.THROTTLE_RESET, ALL_ACCOUNTS_FACTOR), "reset", address=address)
