"""Django: requests with any Content-Type, and no memory of failed transactions.

- Written against: Django 5.2.19.
- Why and upstream: beside each patch; no ticket is known for either.
- Test: core/patches/tests/test_django.py.
- Delete when: `Request`: WSGIRequest takes an unknown charset without an error, and does not read the query string by
  the body's charset. `forget_rollbacks`: Django forgets `rollback_exc` when the transaction has ended.
"""

from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import request_finished
from django.db import connections
from django.dispatch import receiver
from django.utils.http import parse_header_parameters

from core.errors import forget_stack


class Request(WSGIRequest):
    """A request that may have any Content-Type and is always read as UTF-8.

    Django would read the query string by any codec that Python has, "hex" and "undefined" too. A body in another
    charset is refused by core.http.bodies.
    """

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
