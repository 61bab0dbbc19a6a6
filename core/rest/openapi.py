"""The OpenAPI document at /api/schema/."""

from http import HTTPStatus
from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core.http import pages

RETRY_AFTER = {"description": "Seconds to wait before the next request.", "schema": {"type": "integer", "minimum": 1}}


class BearerScheme(OpenApiAuthenticationExtension):
    """Swagger's Authorize button."""

    target_class = "core.auth.bearer.BearerAuthentication"
    match_subclasses = False
    name = "bearerAuth"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `token` that `POST /api/v1/auth/token/` answers; it lives for 15 minutes.",
        }


class PageRenderer(OpenApiYamlRenderer):
    """A page for browsers, which would download YAML."""

    media_type = "text/html"
    format = "html"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> Any:
        document = super().render(data, accepted_media_type, renderer_context)  # type: ignore[no-untyped-call]
        return pages.openapi(renderer_context["request"]._request, document.decode())


def _also(renderer: type[BaseRenderer], *media_types: str) -> list[type[BaseRenderer]]:
    """The renderer under other names of its media type."""
    return [type(renderer.__name__, (renderer,), {"media_type": media_type}) for media_type in media_types]


YAML: list[type[BaseRenderer]] = [
    *(OpenApiYamlRenderer, OpenApiYamlRenderer2),
    *_also(OpenApiYamlRenderer, "application/openapi+yaml", "application/x-yaml", "text/yaml"),
]
JSON: list[type[BaseRenderer]] = [
    OpenApiJsonRenderer2,
    OpenApiJsonRenderer,
    *_also(OpenApiJsonRenderer, "application/openapi+json"),
]


def complete(result: dict[str, Any], request: Request | None, **kwargs: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: adds what holds for every operation.

    `servers` name the host that the document was asked of, so that a client made from it calls that host.
    """
    result["info"]["version"] = settings.SPECTACULAR_SETTINGS["VERSION"]
    origin = request.build_absolute_uri("/").rstrip("/") if request else settings.SITE_URL
    result["servers"] = [{"url": origin, "description": "This shop."}]
    for path in result["paths"].values():
        for operation in path.values():
            operation["responses"]["429"]["headers"] = {"Retry-After": RETRY_AFTER}
            for status, response in operation["responses"].items():
                response["description"] = response["description"] or HTTPStatus(int(status)).description
    return result


class SchemaView(SpectacularAPIView):
    """The OpenAPI document as YAML, JSON or a page: by `?format=`, else by the Accept header.

    drf-spectacular's own parameters `lang` and `version` are not read: it would keep a document in memory for each
    language, and copy the version into a header unchecked.
    """

    api_version = str(settings.SPECTACULAR_SETTINGS["VERSION"])
    renderer_classes = [*YAML, *JSON, PageRenderer]
    RENDERERS: ClassVar[dict[str, list[type[BaseRenderer]]]] = {"json": JSON, "yaml": YAML}

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        wanted = request.query_params.get("format")
        if wanted is not None and wanted not in self.RENDERERS:
            raise ValidationError({"format": f"There are {' and '.join(self.RENDERERS)}."})
        response: Response = self._get_schema_response(request)
        return response

    def get_renderers(self) -> list[BaseRenderer]:
        wanted = self.request.GET.get("format", "")
        return [renderer() for renderer in self.RENDERERS.get(wanted, self.renderer_classes)]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        # Errors are always JSON.
        if getattr(response, "exception", False):
            request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        # With `format` the Accept header does not matter.
        if request.query_params.get("format") in self.RENDERERS:
            renderer = self.get_renderers()[0]
            return renderer, renderer.media_type
        return super().perform_content_negotiation(request, force)
