"""The API's description as a file and as a page."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class SchemaView(SpectacularAPIView):
    """OpenAPI 3.1, as JSON unless YAML is asked for."""

    renderer_classes = [OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer, OpenApiYamlRenderer2]


class DocsView(SpectacularSwaggerSplitView):
    """The description as a page; its scripts and styles are our own files."""


class BearerScheme(OpenApiAuthenticationExtension):
    """How an app is signed in."""

    target_class = "allauth.headless.contrib.rest_framework.authentication.JWTTokenAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """A token in the header Authorization."""
        text = "The access token of a sign-in at `/_allauth/app/v1/auth/login`; good for five minutes."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": text}


class SessionScheme(OpenApiAuthenticationExtension):
    """How a browser is signed in."""

    target_class = "rest_framework.authentication.SessionAuthentication"
    name = "session"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """The cookie of Ava's pages."""
        text = "A browser that is signed in at Ava's pages; whatever changes something needs `X-CSRFToken`."
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME, "description": text}


def only_versioned(endpoints: list[Any], **_: Any) -> list[Any]:
    """The same routes under /api/ are not described twice, nor is the description itself."""
    own = ("/api/v1/schema", "/api/v1/docs")
    return [one for one in endpoints if one[0].startswith("/api/v1/") and not one[0].startswith(own)]
