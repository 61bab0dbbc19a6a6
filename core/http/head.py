"""Responses to HEAD carry no body. gunicorn would drop it too, but log a warning each time."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def bodiless_head(get_response: GetResponse) -> GetResponse:
    """Middleware: the response to HEAD has the headers of GET's, its Content-Length included (RFC 9110 §9.3.2)."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.method == "HEAD":
            if isinstance(response, StreamingHttpResponse):
                # The file is closed together with the response.
                response.streaming_content = ()
            elif isinstance(response, HttpResponse):
                response.headers.setdefault("Content-Length", str(len(response.content)))
                response.content = b""
        return response

    return middleware
