"""The OpenAPI document at /api/schema/."""

from typing import Any, ClassVar

from django.conf import settings
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


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, as YAML or JSON by the Accept header or by `?format=json`.

    drf-spectacular's own `lang` and `version` are not taken: each language would stay in memory, and the version goes
    unchecked into a header.
    """

    api_version = str(settings.SPECTACULAR_SETTINGS["VERSION"])
    FORMATS: ClassVar[dict[str, list[type[BaseRenderer]]]] = {
        "json": [OpenApiJsonRenderer2, OpenApiJsonRenderer],
        "yaml": [OpenApiYamlRenderer, OpenApiYamlRenderer2],
    }

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """The document. Raises ValidationError."""
        wanted = request.query_params.get("format")
        if wanted is not None and wanted not in self.FORMATS:
            raise ValidationError({"format": f"There are {' and '.join(self.FORMATS)}."})
        return self._get_schema_response(request)

    def get_renderers(self) -> list[BaseRenderer]:
        """Those of the format that was asked for, whatever the Accept header says."""
        wanted = self.request.GET.get("format", "")
        return [renderer() for renderer in self.FORMATS.get(wanted, self.renderer_classes)]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """An error is JSON, whatever form of the document was wanted."""
        if getattr(response, "exception", False):
            request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """The renderer: with a format, its first."""
        if request.query_params.get("format") in self.FORMATS:
            renderer = self.get_renderers()[0]
            return renderer, renderer.media_type
        return super().perform_content_negotiation(request, force)
