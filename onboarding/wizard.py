"""formtools' named-URL wizard, tamed.

The session keeps this browser's place and what it posted; the database draft is the truth from which every step is
shown, so another day or another device sees the same. Any step can be opened, none is ever refused or wiped, and keys
are never among the fields.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from formtools.wizard.views import NamedUrlSessionWizardView

from accounts.tenancy import TenantRequest, manager_required
from onboarding import flow, pages, saving, steps, values
from onboarding.models import StepState
from onboarding.saving import Change, Page
from onboarding.situation import Situation, read


def of_this_organization(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page that was opened for one organization is not written into another, chosen since in another tab."""

    @functools.wraps(view)
    def wrapped(request: TenantRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.POST.get("organization", str(request.organization.pk)) == str(request.organization.pk):
            return view(request, *args, **kwargs)
        words = _("This page belongs to another organization than the one you work in now.")
        if "HX-Request" in request.headers:
            return HttpResponse(words, status=409)
        messages.error(request, words)
        return redirect("dashboard")  # no page of the wizard, which would take what was typed for arrived

    return wrapped


@method_decorator([manager_required, of_this_organization], name="dispatch")
class OnboardingWizard(NamedUrlSessionWizardView):
    form_list = [(step.name, step.form_class) for step in steps.STEPS]
    template_name = "onboarding/step.html"
    storage_name = "onboarding.storage.QuietSessionStorage"
    request: TenantRequest
    situation: Situation
    step: steps.Step
    saved: saving.Saved | None = None

    def get(self, request: TenantRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show a step, whatever came before it."""
        self.step = _step_or_404(kwargs["step"])
        self._arrive(read(request.organization, request.user))
        self.situation.onboarding.go_to(self.step.name)
        return self._show()

    def post(self, request: TenantRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep all that was typed and go on; only a conflict with another page keeps somebody here."""
        self.step = _step_or_404(kwargs["step"])
        self.saved = save_posted(request, self.step)
        self._arrive(self.saved.situation)
        self.storage.set_step_data(self.step.name, {name: one.mine for name, one in self.saved.results.items()})
        if self.saved.conflicts:
            return self._show()
        if "copy" in request.POST or request.POST.get("next") == "here":
            return redirect("onboarding:step", self.step.name)
        go_on(self.situation, self.step, self.saved)
        if request.POST.get("next") == "done":
            return redirect("onboarding:step", "done")
        return self.render_next_step(None)

    def get_next_step(self, step: str | None = None) -> str:
        """The last step is followed by itself: launching is a door of its own."""
        return steps.after(self.step).name

    def get_context_data(self, form: Any, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(form=form, **kwargs), **self.page}

    def _arrive(self, situation: Situation) -> None:
        """The person is at this step; where to resume is kept when a page is shown."""
        self.situation = situation
        flow.begin(situation)
        self.storage.current_step = self.step.name

    def _show(self) -> HttpResponse:
        self.page = pages.step_page(self.request, self.step, self.situation, self.saved)
        return self.render(self.page["form"])


def _step_or_404(name: str) -> steps.Step:
    step = steps.find(name)
    if step is None:
        raise Http404
    return step


def go_on(situation: Situation, step: steps.Step, saved: saving.Saved) -> None:
    """A step is left by its own button: what it proposed is agreed to."""
    values.settle(step.name, situation, getattr(saved.form, "cleaned_data", {}))
    flow.leave(situation, step, StepState.COMPLETED)


def save_posted(request: TenantRequest, step: steps.Step) -> saving.Saved:
    """Save the fields that a page posts."""
    return saving.save(
        organization=request.organization,
        user=request.user,
        step=step,
        changes=changes_in(request.POST),
        page=Page(
            writer=request.POST.get("writer", "").replace("\x00", "")[:40],
            sequence=_number(request.POST.get("sequence", "")),
        ),
    )


def changes_in(posted: QueryDict) -> Mapping[str, Change]:
    """What a page changed: the fields it names, less those that stand as it found them."""
    changes = {}
    for name in posted.getlist("fields"):
        given = posted.getlist(_source_of(name, posted.get("copy", "")))[: saving.MOST_VALUES]
        longest = saving.LONGEST // max(1, len(given))  # of all together: it is kept in the draft and the session
        typed = [one.replace("\r\n", "\n").replace("\x00", "")[:longest] for one in given]
        base = posted.get(f"base-{name}", "")
        insists = name in posted.getlist("keep")
        is_changed = values.version(typed) != base or insists
        if is_changed and name not in posted.getlist("take"):
            changes[name] = Change(typed, base, insists)
    return changes


def _source_of(name: str, copied: str) -> str:
    """Without a script, one day of the week is copied to all others here."""
    return f"day-{copied}-{name.split('-', 2)[2]}" if copied and name.startswith("day-") else name


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
