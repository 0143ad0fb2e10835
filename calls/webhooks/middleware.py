"""Webhooks pass only what they need: no session, no cookies, no language, no CSRF, no user."""

import functools
from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import Resolver404, ResolverMatch, resolve

PREFIX = "/webhooks/"


@functools.lru_cache(maxsize=2_000)
def _find(path: str) -> ResolverMatch:
    """The view behind a path; a tenant's address comes again and again."""
    return resolve(path, "calls.webhooks.urls")


class WebhookMiddleware:
    """Stands first; answers what comes under /webhooks/ by itself and lets the rest go on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        try:
            match = _find(request.path_info[len(PREFIX) - 1 :])
            response = match.func(request, *match.args, **match.kwargs)
        except (Resolver404, Http404):
            response = HttpResponse("Not found", status=404, content_type="text/plain")
        response["Content-Length"] = str(len(response.content))  # without it the answer goes out in chunks
        return response
