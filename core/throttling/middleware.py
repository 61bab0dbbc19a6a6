"""What a page says when there is too much work at once; the APIs have forms of their own for it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from core.errors import Throttled

Middleware = Callable[[HttpRequest], HttpResponse]


def too_many_requests(get_response: Middleware) -> Middleware:
    """Middleware: Throttled, raised below a view that does not know it (the admin's forms), is 429 with Retry-After."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Throttled):
            return None
        headers = {"Retry-After": str(error.retry_after)}
        return HttpResponse(f"{error}\n", status=429, content_type="text/plain; charset=utf-8", headers=headers)

    middleware.process_exception = process_exception  # type: ignore[attr-defined]
    return middleware
