"""The studio's pages: settings with preview, what Vapi has of them, and their history."""

import copy
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import credentials
from accounts.tenancy import TenantRequest, manager_required, organization_required
from assistants import activation, calendars, choices, history, spec, studio, sync
from assistants.forms import IntegrationsForm, StudioForm
from assistants.models import Studio, StudioVersion

PAGE = "assistants/studio.html"


@require_http_methods(["GET", "HEAD", "POST"])
@organization_required
def studio_page(request: TenantRequest) -> HttpResponse:
    """Every setting of the assistant, beside what it makes of them. Members may look."""
    row = sync.studio_of(request.organization)
    if request.method != "POST":
        return _page(request, row, StudioForm(instance=copy.copy(row), read_only=not request.membership.may_manage))
    if not request.membership.may_manage:
        raise PermissionDenied
    form, base = StudioForm(request.POST, instance=copy.copy(row)), _number(request.POST.get("version"))
    if not form.is_valid():
        return _page(request, row, form, base=base)
    try:
        changed = studio.edit(studio=row, values=form.values(), base=base, user=request.user)
    except studio.Conflict as conflict:
        return _conflict_page(request, conflict, form, base=base)
    if changed:
        _send(request, row)
    else:
        messages.info(request, _("Nothing was different, so nothing was saved."))
    return redirect("assistants:studio")


@require_POST
@manager_required
def preview(request: TenantRequest) -> HttpResponse:
    """What the settings as typed would make of the prompt and the greeting, or a group of fields drawn anew."""
    row = sync.studio_of(request.organization)
    part, is_htmx = request.POST.get("part", ""), "HX-Request" in request.headers
    suit = {"voice": choices.suit_voice, "model": choices.suit_model}.get(part)
    form = StudioForm(suit(request.POST) if suit else request.POST, instance=copy.copy(row), narrow=is_htmx)
    form.is_valid()
    if not is_htmx:
        return _page(request, row, form, base=_number(request.POST.get("version")))
    if suit:
        return render(request, f"{PAGE}#group", {"form": form, "group": form.group(part)})
    return render(request, f"{PAGE}#preview", {"preview": _preview(form.instance)})


@require_POST
@manager_required
def send_to_vapi(request: TenantRequest) -> HttpResponse:
    """Bring the studio to Vapi as it is now."""
    try:
        activation.send(studio=sync.studio_of(request.organization))
    except activation.NotPossible as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, _("Vapi has the latest."))
    return redirect("assistants:studio")


@require_safe
@organization_required
def versions(request: TenantRequest) -> HttpResponse:
    """Who changed what, and when; with `?version=`, what differs from the version before (or from `?against=`)."""
    rows = studio.versions_of(request.organization)
    listed = [
        (version, [history.label(name) for name in version.changed])
        for version in rows.defer("values").select_related("created_by")
    ]
    context: dict[str, Any] = {"versions": listed, "may_manage": request.membership.may_manage}
    if "version" in request.GET:
        number = _number(request.GET["version"])
        earlier = next((one.number for one, _changed in listed if one.number < number), 0)  # numbers may be left out
        against = _number(request.GET.get("against") or earlier)
        found = {version.number: version for version in rows.filter(number__in=[number, against])}
        if number not in found:
            raise Http404
        before = found.get(against)
        context |= {"shown": found[number], "against": before}
        context["restorable"] = [one for one in (against, number) if one in found and one != listed[0][0].number]
        context["changes"] = history.differences(before.values, found[number].values) if before else []
    return render(request, "assistants/history.html", context)


@require_POST
@manager_required
def restore(request: TenantRequest) -> HttpResponse:
    """Bring an earlier version back, as a new one."""
    if "version" not in request.POST:
        return redirect("assistants:history")
    row = sync.studio_of(request.organization)
    try:
        changed = studio.restore(studio=row, number=_number(request.POST.get("version")), user=request.user)
    except StudioVersion.DoesNotExist:
        raise Http404 from None
    if changed:
        _send(request, row)
    else:
        messages.info(request, _("The studio is as it was in this version."))
    return redirect("assistants:studio")


@require_http_methods(["GET", "HEAD", "POST"])
@organization_required
def integrations_section(request: TenantRequest) -> HttpResponse:
    """Which calendar, apps and CRM the organization works with."""
    row, may_manage = sync.studio_of(request.organization), request.membership.may_manage
    if request.method == "POST" and not may_manage:
        raise PermissionDenied
    form = IntegrationsForm(request.POST or None, instance=copy.copy(row), read_only=not may_manage)
    if form.is_valid():
        studio.save(studio=row, values=form.cleaned_data, user=request.user)
        messages.success(request, _("Your choice is kept."))
        return redirect(request.get_full_path())
    context = {
        "form": form,
        "section": "integrations",
        "may_manage": may_manage,
        "calendars": calendars.states(request.organization),
    }
    return render(request, "assistants/integrations.html", context)


def _page(request: TenantRequest, row: Studio, form: StudioForm, **more: Any) -> HttpResponse:
    assistant, latest = sync.assistant_of(row), studio.latest_version(row)
    context = {
        "form": form,
        "studio": row,
        "latest": latest,
        "base": latest.number if latest else 0,
        "state": sync.state_of(row, assistant, has_key=credentials.has_vapi_key(request.organization)),
        "preview": _preview(form.instance) if form.is_bound or form.theirs else _preview_of(assistant),
        "may_manage": request.membership.may_manage,
        **more,
    }
    return render(request, PAGE, context, status=409 if form.theirs else 200)


def _conflict_page(request: TenantRequest, conflict: studio.Conflict, form: StudioForm, *, base: int) -> HttpResponse:
    """What was typed, and beside it what the other wrote. Saving again is then a decision."""
    instance = copy.copy(conflict.theirs)
    for name, value in studio.merged(conflict, values=form.values(), base=base).items():
        setattr(instance, name, value)
    page = StudioForm(instance=instance)
    page.theirs = {
        name: history.readable(name, getattr(conflict.theirs, name)) or _("(empty)") for name in conflict.names
    }
    return _page(request, conflict.theirs, page)


def _preview(draft: Studio) -> dict[str, str]:
    return _preview_of(spec.build(draft, server={}))


def _preview_of(assistant: dict[str, Any]) -> dict[str, str]:
    return {
        "greeting": assistant["firstMessage"],
        "prompt": assistant["model"]["messages"][0]["content"],
        "goodbye": assistant["endCallMessage"],
    }


def _send(request: TenantRequest, row: Studio) -> None:
    """After a save: Vapi gets it, where there is a key; the save stands whatever comes of that."""
    if not credentials.has_vapi_key(request.organization):
        messages.success(request, _("Saved. Vapi gets it as soon as there is a key."))
        return
    try:
        activation.send(studio=row)
    except activation.NotPossible as problem:
        messages.warning(request, _("Saved here. %(problem)s") % {"problem": problem})
    else:
        messages.success(request, _("Saved, and Vapi has it."))


def _number(typed: Any) -> int:
    """A version's number in what came with the form; one that cannot be stands for no version at all."""
    text = str(typed or 0)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 99_999_999
