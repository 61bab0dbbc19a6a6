"""Two chains of middleware: requests of the APIs skip what only pages need (setting PAGE_MIDDLEWARE)."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest
from django.urls import ResolverMatch
from django.utils.module_loading import import_string

GetResponse = Callable[[HttpRequest], Any]

GRAPHQL_PATHS = frozenset({"/graphql/", "/graphql"})


def is_data(path: str) -> bool:
    """Whether the path is one of the APIs, whose views look at no cookie; their documentation is pages."""
    return path.startswith("/api/v1/") or path in GRAPHQL_PATHS


class _ApiHandler(BaseHandler):
    """Calls the view, as Django's handler does. It resolves the two paths of GraphQL once."""

    def __init__(self) -> None:
        self._matches: dict[str, ResolverMatch] = {}

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        if request.path_info not in GRAPHQL_PATHS:
            return super().resolve_request(request)
        if request.path_info not in self._matches:
            self._matches[request.path_info] = super().resolve_request(request)
        match = self._matches[request.path_info]
        request.resolver_match = match
        return match


def load_chains(handler: Any, is_async: bool = False) -> None:
    """In the place of a handler's `load_middleware`: loads MIDDLEWARE, and for the APIs the part of it that they need.

    The URL is resolved inside of both, so one look at the path decides.
    """
    BaseHandler.load_middleware(handler, is_async)
    for_pages, for_data = handler._middleware_chain, _api_chain()

    def chain(request: HttpRequest) -> Any:
        return for_data(request) if is_data(request.path_info) else for_pages(request)

    handler._middleware_chain = chain


def _api_chain() -> GetResponse:
    """As BaseHandler.load_middleware makes the whole one."""
    inner: Any = _ApiHandler()
    inner._view_middleware, inner._exception_middleware, inner._template_response_middleware = [], [], []
    get_response: GetResponse = convert_exception_to_response(inner._get_response)
    for name in reversed([name for name in settings.MIDDLEWARE if name not in settings.PAGE_MIDDLEWARE]):
        middleware = import_string(name)(get_response)
        if hasattr(middleware, "process_view"):
            inner._view_middleware.insert(0, middleware.process_view)
        if hasattr(middleware, "process_exception"):
            inner._exception_middleware.append(middleware.process_exception)
        if hasattr(middleware, "process_template_response"):
            inner._template_response_middleware.append(middleware.process_template_response)
        get_response = convert_exception_to_response(middleware)
    return get_response
