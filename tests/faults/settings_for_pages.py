"""Ava's own settings without the collected static files that only a deployment has, and with a page that breaks."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from ava.settings import *  # noqa: F403
from ava.settings import MIDDLEWARE, STORAGES

BROKEN_PAGE = "/broken/"
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
MIDDLEWARE = [*MIDDLEWARE, "tests.faults.settings_for_pages.breaking"]


def breaking(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Raise on one page, with what was sent at hand."""

    def respond(request: HttpRequest) -> HttpResponse:
        if request.path == BROKEN_PAGE:
            typed = {**request.GET.dict(), **request.headers}
            raise RuntimeError(f"as the test has asked, with {len(typed)} values at hand")
        return get_response(request)

    return respond
