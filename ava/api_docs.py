"""The API's description as a file and as a page."""

from typing import Any

from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class SchemaView(SpectacularAPIView):
    """OpenAPI 3.1, as JSON unless YAML is asked for."""

    renderer_classes = [OpenApiJsonRenderer, OpenApiYamlRenderer]


class DocsView(SpectacularSwaggerSplitView):
    """The description as a page; its scripts and styles are our own files."""


def only_versioned(endpoints: list[Any], **_: Any) -> list[Any]:
    """The same routes under /api/ are not described twice, nor is the description itself."""
    own = ("/api/v1/schema", "/api/v1/docs")
    return [one for one in endpoints if one[0].startswith("/api/v1/") and not one[0].startswith(own)]
