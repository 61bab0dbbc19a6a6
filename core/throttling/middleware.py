"""Answers Throttled on pages, such as the admin's forms, with 429; the APIs have forms of their own for it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from core.errors import Throttled

GetResponse = Callable[[HttpRequest], HttpResponse]


def too_many_requests(get_response: GetResponse) -> GetResponse:
    """Middleware: Throttled, raised by a view that does not handle it, is 429 with Retry-After."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Throttled):
            return None
        headers = {"Retry-After": str(error.retry_after)}
        return HttpResponse(f"{error}\n", status=429, content_type="text/plain; charset=utf-8", headers=headers)

    middleware.process_exception = process_exception  # type: ignore[attr-defined]
    return middleware
