"""A bare Django form view: a page with a form of ten fields; a POST saves a row and leads to the page again.

It has what a page for people who are signed in cannot do without: session, user, CSRF and a template. The server is the
one that Ava's pages have.
"""

import os
from typing import Any

import django
from a2wsgi import WSGIMiddleware
from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_required
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import engines
from django.urls import path

django.setup()

SIZES = [(size, size) for size in ("1", "2-5", "6-20", "more")]
PAGE = """<!doctype html><html><head><title>A form</title></head><body><h1>A form</h1>
<form method="post">{% csrf_token %}{{ form.as_p }}<button>Save</button></form></body></html>"""


class Entry(models.Model):
    """A row per person."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE)
    full_name = models.CharField(max_length=150)
    organization_name = models.CharField(max_length=150)
    profession = models.CharField(max_length=100, blank=True)
    industry = models.CharField(max_length=100, blank=True)
    company_size = models.CharField(max_length=10, choices=SIZES)
    country = models.CharField(max_length=3)
    email = models.EmailField()
    guidelines = models.TextField(blank=True)
    marketing_opt_in = models.BooleanField(default=False)
    accept_terms = models.BooleanField(default=False)

    class Meta:
        app_label = "contenders"

    def __str__(self) -> str:
        return self.full_name


EntryForm = forms.modelform_factory(Entry, exclude=["user"])


@login_required
def form_page(request: HttpRequest) -> HttpResponse:
    entry = Entry.objects.filter(user=request.user).first() or Entry(user=request.user)  # type: ignore[misc]
    form: Any = EntryForm(request.POST or None, instance=entry)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("/form")
    return HttpResponse(engines["django"].from_string(PAGE).render({"form": form}, request))


def enter(request: HttpRequest) -> HttpResponse:
    """A new person, signed in: the benchmark needs no password."""
    login(request, get_user_model().objects.create_user(os.urandom(8).hex()))
    return redirect("/form")


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


def make_table() -> None:
    with connection.schema_editor() as editor:
        editor.create_model(Entry)


urlpatterns = [path("form", form_page), path("enter", enter), path("healthz", healthz)]
application = WSGIMiddleware(get_wsgi_application(), workers=4)  # type: ignore[arg-type]
