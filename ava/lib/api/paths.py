"""Addresses of the API."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

PREFIX = "/api/"


class FinalSlashMiddleware:
    """An address of the API with a final slash is the same address without: clients write both."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(PREFIX):
            request.path_info = request.path_info.rstrip("/")
        return self.get_response(request)
