"""Answers OPTIONS requests that are not CORS preflights, without a token (RFC 9110 §9.3.7)."""

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse


def options_response(allowed: Iterable[str]) -> HttpResponse:
    """204 with the methods in Allow."""
    response = HttpResponse(status=204, headers={"Allow": ", ".join(sorted(allowed))})
    del response["Content-Type"]
    return response


class Options:
    """Middleware: answers OPTIONS for every REST view, before the view asks for a token."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_: Any) -> HttpResponse | None:
        view_class = getattr(view, "cls", None)
        methods = {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view_class, name)}
        if request.method != "OPTIONS" or not methods:
            return None
        return options_response(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))
