"""Answers to HEAD carry no body: gunicorn would drop it too, with a warning for each."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

Answer = Callable[[HttpRequest], HttpResponseBase]


def bodiless_head(get_response: Answer) -> Answer:
    """Middleware: a HEAD is answered with GET's headers alone, its Content-Length included (RFC 9110 §9.3.2)."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.method == "HEAD":
            if isinstance(response, StreamingHttpResponse):
                # An open file is closed with the response all the same.
                response.streaming_content = ()
            elif isinstance(response, HttpResponse):
                response.headers.setdefault("Content-Length", str(len(response.content)))
                response.content = b""
        return response

    return middleware
