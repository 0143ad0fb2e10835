"""The sections' addresses, and the way back to whoever sent the person here."""

from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

Row = TypeVar("Row", bound=Model)
LONGEST_ID = 18


def section_url(name: str, **query: str) -> str:
    """The address of a section of the settings."""
    return f"{reverse('settings')}?{urlencode({'section': name, **query})}"


def comes_from_onboarding(request: HttpRequest) -> bool:
    """Whether the set-up sent the person here and waits for them."""
    return request.GET.get("returnTo") == "onboarding"


def back_to(request: HttpRequest, name: str) -> HttpResponse:
    """After a change: the section again, still knowing who waits."""
    return redirect(section_url(name, **({"returnTo": "onboarding"} if comes_from_onboarding(request) else {})))


def after_saving(request: HttpRequest, name: str) -> HttpResponse:
    """After a save: the step of the set-up that was left, or the section again."""
    return redirect("onboarding:resume") if comes_from_onboarding(request) else back_to(request, name)


def row_or_404(rows: QuerySet[Row], typed: Any) -> Row:
    """The row that a form names, among those which may be named; 404 for all else."""
    if not (str(typed).isascii() and str(typed).isdecimal() and len(str(typed)) <= LONGEST_ID):
        raise Http404
    return get_object_or_404(rows, pk=typed)
