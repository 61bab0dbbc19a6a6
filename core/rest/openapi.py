"""The OpenAPI document at /api/schema/."""

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


class SchemaView(SpectacularAPIView):
    """The OpenAPI document as YAML or JSON: by `?format=`, else by the Accept header.

    drf-spectacular's own parameters `lang` and `version` are not read: it would keep a document in memory for each
    language, and copy the version into a header unchecked.
    """

    api_version = str(settings.SPECTACULAR_SETTINGS["VERSION"])
    RENDERERS: ClassVar[dict[str, list[type[BaseRenderer]]]] = {
        "json": [OpenApiJsonRenderer2, OpenApiJsonRenderer],
        "yaml": [OpenApiYamlRenderer, OpenApiYamlRenderer2],
    }

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
