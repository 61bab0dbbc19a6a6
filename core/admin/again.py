"""Runs a page of the admin that writes again, as the APIs run their transactions again."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse

from core.db.transactions import run_in_transaction


def again(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """The answer of a view that writes, in one transaction.

    After a deadlock, and when somebody took a unique value or deleted what a form names between its check and its
    save, the view runs again. The form then says what is wrong.
    """
    told: Any = messages.get_messages(request)
    before = [*told._queued_messages]

    def run() -> HttpResponse:
        told._queued_messages = [*before]
        for _, files in request.FILES.lists():
            for file in files:
                file.seek(0)
        return view()

    return run_in_transaction(run, again_on=(IntegrityError,))
