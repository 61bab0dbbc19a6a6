"""How often accounts may be tried, and whose attempts count together. `address` is the client's network address.

Three limits stand in the way of guessing a password. Two refuse: so many failures of one client for one account, and of
one client for all accounts (an IPv6 client has a /64; the /56 and /48 around it have limits too). The third only slows:
after so many failures for an account from anywhere, a client that the account is not known to sign in from waits for
one of few moments. So guesses spread over many addresses are slow, and nobody can lock an owner out: where they signed
in before, nothing is different; elsewhere a place that has not failed yet goes first; and a mailed reset link is not
slowed, after which the place is known.
"""

from collections.abc import Iterable

from django.conf import settings

from core.errors import Throttled
from core.throttle import Limit, client, for_client, site, times
from core.throttling import attempts
from core.throttling.attempts import Taken

# A client address may do ten times what it may do for one account.
FOR_ALL_ACCOUNTS = 10
# While an account is slowed, one attempt in so many seconds: of a place's first one in the window, and of all others.
FIRST_ATTEMPT_EVERY_SECONDS, OTHER_ATTEMPT_EVERY_SECONDS = 2, 10
# How long an account knows a client from which it signed in.
KNOWN_SECONDS = 90 * 86400


def count_registration(address: str) -> None:
    """Counts a registration. Raises Throttled."""
    attempts.take(*for_client(settings.THROTTLE_REGISTER, "register", address=address))


def count_refresh(address: str) -> None:
    """Counts a refresh of tokens. Raises Throttled."""
    attempts.take(*for_client(settings.THROTTLE_REFRESH, "refresh", address=address))


def count_reset(address: str) -> None:
    """Counts the use of a reset link. Raises Throttled."""
    attempts.take(*_resets(address))


def count_reset_mail(email: str, address: str) -> None:
    """Counts a reset mail to a folded e-mail address. Raises Throttled."""
    attempts.take(*_resets(address), Limit(settings.THROTTLE_RESET, ("reset-mail", email)))


def count_sign_in(email: str, address: str) -> list[Taken]:
    """Counts an attempt at the account of a folded e-mail address as a failure, before the password is looked at.

    Answers what to give back when it was none. Raises Throttled, the same for addresses without an account.
    """
    soft = settings.THROTTLE_SIGN_IN_ACCOUNT
    if settings.THROTTLE_SIGN_IN is None:
        return []
    # The client's limits come first: a client that is stopped writes no row for yet another account.
    counted = attempts.take(
        *for_client(times(settings.THROTTLE_SIGN_IN, FOR_ALL_ACCOUNTS), "sign-in-client", address=address),
        Limit(settings.THROTTLE_SIGN_IN, ("sign-in", email, client(address))),
        of_site := Limit(soft, ("sign-in-site", email, site(address)), refuses=False),
        of_account := Limit(soft, ("sign-in-account", email), refuses=False),
    )
    taken = list(counted.values())
    if soft is not None and counted[of_account].count > soft[0]:
        try:
            _slow_down(email, address, is_first=counted[of_site].count == 1)
        except Throttled:
            attempts.give_back(taken)
            raise
    return taken


def was_no_failure(taken: Iterable[Taken]) -> None:
    """Gives back a counted sign-in."""
    attempts.give_back(taken)


def remember_client(email: str, address: str) -> None:
    """Lets the account of a folded e-mail address know the client that has just proved to be its owner's."""
    if not attempts.is_counted(_known(email, address)):
        attempts.take(_known(email, address))


def _slow_down(email: str, address: str, *, is_first: bool) -> None:
    """Passes a client that the account knows, others one at a time; a site's first failure has its own line.

    Raises Throttled.
    """
    if attempts.is_counted(_known(email, address)):
        return
    line = Limit((1, OTHER_ATTEMPT_EVERY_SECONDS), ("sign-in-other", email))
    if is_first:
        line = Limit((1, FIRST_ATTEMPT_EVERY_SECONDS), ("sign-in-first", email))
    attempts.take(line)


def _known(email: str, address: str) -> Limit:
    return Limit((1, KNOWN_SECONDS), ("signed-in", email, client(address)), refuses=False)


def _resets(address: str) -> list[Limit]:
    return for_client(times(settings.THROTTLE_RESET, FOR_ALL_ACCOUNTS), "reset", address=address)
