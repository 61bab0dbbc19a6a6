"""Who acts, and by what: known to whatever is written within a block or a request. It costs a read nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from celery import current_task
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

# Of `via`, the name of what an account acts by.
VIA_LENGTH = 64


class Acting(NamedTuple):
    """Who acts, looked up only when something is recorded, and by what."""

    actor: Callable[[], Any]
    via: str


_acting: ContextVar[Acting | None] = ContextVar("acting", default=None)


@contextmanager
def acting(actor: Any, via: str) -> Iterator[None]:
    """What is written within is recorded as done by this account (core.auth.policy.Actor or None), by `via`."""
    token = _acting.set(Acting(lambda: actor, via))
    try:
        yield
    finally:
        _acting.reset(token)


def actor() -> Any:
    """The account that acts, None for nobody."""
    now = _acting.get()
    return now and now.actor()


def current() -> tuple[int | None, str]:
    """The key of the account that acts, None for nobody, and by what."""
    now = _acting.get()
    if now is None:
        return None, "worker" if current_task else "server"
    actor = now.actor()
    if actor is not None and not actor.is_authenticated:
        return None, f"{now.via} anonymous"
    return getattr(actor, "pk", None), now.via


def requests_act(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: the user of a request acts. GraphQL and REST set `request.user` when they authenticate."""
    admin = f"/{settings.ADMIN_PATH}"

    def middleware(request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        via = "admin" if path.startswith(admin) else "graphql" if path.startswith("/graphql") else "rest"
        token = _acting.set(Acting(lambda: getattr(request, "user", None), via))
        try:
            return get_response(request)
        finally:
            _acting.reset(token)

    return middleware
