"""Django: requests with any Content-Type, cheap look-ups of headers and settings, no memory of failed transactions.

- Written against: Django 5.2.19.
- Why and upstream: beside each patch; no ticket is known for any.
- Test: core/patches/tests/test_django.py.
- Delete when: `Request`: WSGIRequest takes an unknown charset without an error, and does not read the query string by
  the body's charset. `Headers`: a header is looked up without making the mapping of all. `LazySettings`: reading a
  setting a second time calls no function of Python. `forget_rollbacks`: Django forgets `rollback_exc` when the
  transaction has ended.
"""

from typing import Any

from django.conf import LazySettings
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import request_finished
from django.db import connections
from django.dispatch import receiver
from django.http.request import HttpHeaders
from django.utils.functional import cached_property
from django.utils.http import parse_header_parameters

from core.errors import forget_stack

# LazyObject's own keeps methods of the proxy from hiding those of what it stands for. No setting is named like one. It
# cost 0.6 µs for each reading, of 40 to 200 in a request: 4 % of a kept answer. LazySettings keeps what was read in its
# __dict__, and forgets it when settings are overridden; both stay as they are.
LazySettings.__getattribute__ = object.__getattribute__  # type: ignore[method-assign]


class Headers(HttpHeaders):
    """Django's `request.headers`, whose mapping is made when somebody iterates: mostly one header is looked up."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ

    @cached_property
    def _store(self) -> Any:  # type: ignore[override]
        return HttpHeaders(self._environ)._store

    def __getitem__(self, key: str) -> str:
        name = key.replace("-", "_").upper()
        try:
            value: str = self._environ[name if name in self.UNPREFIXED_HEADERS else f"{self.HTTP_PREFIX}{name}"]
        except KeyError:
            raise KeyError(key) from None
        return value


class Request(WSGIRequest):
    """A request that may have any Content-Type and is always read as UTF-8.

    Django would read the query string by any codec that Python has, "hex" and "undefined" too. A body in another
    charset is refused by core.http.bodies.
    """

    @cached_property
    def headers(self) -> Headers:
        return Headers(self.META)

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """Takes a Content-Type that cannot be read (an unknown RFC 2231 charset) for none, which views refuse (415)."""
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            meta["CONTENT_TYPE"] = ""
            self.content_type, self.content_params = "", {}


@receiver(request_finished)
def forget_rollbacks(**_: object) -> None:
    """Lets go of the error that undid a request's last transaction.

    Django keeps it with the connection (`rollback_exc`) until the next one, in a cycle with its own stack. That would
    keep what the request held in memory, such as a new account's password.
    """
    for connection in connections.all(initialized_only=True):
        forget_stack(connection.rollback_exc)  # type: ignore[attr-defined]
        connection.rollback_exc = None  # type: ignore[attr-defined]
