"""The wizard's doors beside its steps: saving as one types, keys, the assistant, and the launch."""

import functools
import json
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import credentials
from accounts.forms import TwilioAccountForm, VapiKeyForm
from accounts.tenancy import TenantRequest, manager_required
from assistants import sync
from ava.clients.errors import ProviderError
from onboarding import flow, launch, pages, steps
from onboarding.models import StepState
from onboarding.situation import read
from onboarding.wizard import go_on, of_this_organization, save_posted


def signed_in_or_401(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For what a script asks: a page to sign in would be no answer."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return HttpResponse(_("You are signed out."), status=401)
        return view(request, *args, **kwargs)

    return wrapped


@require_safe
@manager_required
def resume(request: TenantRequest) -> HttpResponse:
    """To the step that was left."""
    return redirect("onboarding:step", read(request.organization, request.user).onboarding.step)


@require_POST
@signed_in_or_401
@manager_required
def autosave(request: TenantRequest, step: str) -> HttpResponse:
    """Keep what is being typed, right or wrong, and answer with what there is to say beside the fields."""
    if request.POST.get("organization", str(request.organization.pk)) != str(request.organization.pk):
        return HttpResponse(_("This page belongs to another organization than the one you work in now."), status=409)
    found = _step(step)
    saved = save_posted(request, found)
    form = pages.page_form(found, saved.situation, saved)
    names = set(saved.results) | {name for name in saved.problems if name in request.POST.getlist("fields")}
    told = {name: words for name, words in saved.problems.items() if name in names}
    cautions = pages.cautions_of(form, {**told, **_standing(form, saved, names)}, saved.conflicts)
    context: dict[str, Any] = {
        "notes": [(note, cautions.get(note, "")) for note in sorted({pages.note_of(name) for name in names})],
        "results": [result for result in saved.results.values() if not result.is_conflict],
    }
    answer = render(request, "onboarding/saved.html", context)
    answer["HX-Trigger"] = json.dumps(
        {
            "ava-saved": {
                "saved": [result.name for result in context["results"]],
                "conflicts": [conflict.name for conflict in saved.conflicts],
            }
        }
    )
    return answer


def _standing(form: Any, saved: Any, names: set[str]) -> dict[str, Any]:
    """The week has one place for its warnings, so those of its other days are said again."""
    weeks = {name: words for name, words in saved.problems.items() if pages.note_of(name) == "week"}
    return weeks if any(pages.note_of(name) == "week" for name in names) else {}


@require_POST
@manager_required
@of_this_organization
def skip(request: TenantRequest, step: str) -> HttpResponse:
    """Leave a step out; what was typed in it is kept all the same."""
    found = _step(step)
    situation = save_posted(request, found).situation
    flow.leave(situation, found, StepState.SKIPPED)
    following = steps.after(found).name
    situation.onboarding.go_to(following)
    return redirect("onboarding:step", following)


@sensitive_post_parameters()
@require_POST
@manager_required
def save_vapi_key(request: TenantRequest) -> HttpResponse:
    """Try the key at Vapi and keep it; what is wrong is said beside the field."""
    return _save_key(request, "vapi", VapiKeyForm(request.POST), _("The Vapi key is saved."))


@sensitive_post_parameters()
@require_POST
@manager_required
def save_twilio_account(request: TenantRequest) -> HttpResponse:
    """Try the account at Twilio and keep it; what is wrong is said beside the field."""
    return _save_key(request, "twilio", TwilioAccountForm(request.POST), _("The Twilio account is saved."))


def _save_key(request: TenantRequest, name: str, form: Any, words: str) -> HttpResponse:
    step = steps.BY_NAME[name]
    if form.is_valid() and form.save_for(request.organization):
        flow.key_saved(read(request.organization, request.user), step, request.user)
        messages.success(request, words)
        return redirect("onboarding:step", name)
    situation = read(request.organization, request.user)
    return render(request, "onboarding/step.html", {**pages.step_page(request, step, situation), "key_form": form})


@require_POST
@manager_required
@of_this_organization
def create_assistant(request: TenantRequest) -> HttpResponse:
    """Make the assistant at Vapi, or bring it up to date. What was typed is kept first, whatever Vapi says."""
    step = steps.BY_NAME["assistant"]
    saved = save_posted(request, step)
    situation = saved.situation
    problem = ""
    if not saved.conflicts:
        go_on(situation, step, saved)
        try:
            sync.push(situation.studio)
        except (ProviderError, credentials.MissingCredential) as error:
            problem = credentials.explain(error)
    if saved.conflicts or problem:
        page = pages.step_page(request, step, situation, saved if saved.conflicts else None)
        return render(request, "onboarding/step.html", {**page, "problem": problem})
    flow.assistant_created(situation)
    messages.success(request, _("%(name)s exists at Vapi now.") % {"name": situation.studio.name})
    return redirect("onboarding:step", steps.after(step).name)


@require_POST
@manager_required
@of_this_organization
def launch_ava(request: TenantRequest) -> HttpResponse:
    """Complete the set-up; it needs the accepted terms and nothing else."""
    step = steps.BY_NAME["done"]
    situation = save_posted(request, step).situation
    try:
        problem = launch.launch(situation)
    except launch.TermsMissing:
        page = pages.step_page(request, step, situation)
        return render(request, "onboarding/step.html", {**page, "terms_missing": True})
    flow.leave(situation, step, StepState.COMPLETED)
    if problem:
        messages.warning(request, problem)
    return redirect("onboarding:launched")


@require_safe
@manager_required
def launched(request: TenantRequest) -> HttpResponse:
    """A moment to be glad; then the dashboard."""
    situation = read(request.organization, request.user)
    if not situation.onboarding.is_launched:
        return redirect("onboarding:resume")
    is_answering = situation.studio.is_active and any(number.routed_to for number in situation.numbers)
    return render(request, "onboarding/launched.html", {"situation": situation, "is_answering": is_answering})


def _step(name: str) -> steps.Step:
    found = steps.find(name)
    if found is None:
        raise Http404
    return found
