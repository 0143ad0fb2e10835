"""How far an organization is on its way to the first call, and what was typed that is not in force yet."""

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, TenantModel

FIRST_STEP = "profile"


class StepState(models.TextChoices):
    """What is kept of a step; whether something is missing in it is read from the values themselves."""

    COMPLETED = "completed", _("completed")
    SKIPPED = "skipped", _("skipped")


class NumberStrategy(models.TextChoices):
    OWN = "own", _("A number of my Twilio account")
    POOL = "pool", _("A number from you")


class Onboarding(TenantModel):
    """The way of one organization through the nine steps."""

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="onboarding")
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    completed_at = models.DateTimeField(_("launched at"), null=True, blank=True)
    step = models.CharField(_("step"), max_length=20, default=FIRST_STEP)
    steps = models.JSONField(_("steps"), default=dict)
    vapi_skipped = models.BooleanField(_("Vapi skipped"), default=False)
    twilio_skipped = models.BooleanField(_("Twilio skipped"), default=False)
    assistant_created = models.BooleanField(_("assistant created"), default=False)
    number_strategy = models.CharField(
        _("which number"), max_length=4, choices=NumberStrategy.choices, default=NumberStrategy.OWN
    )

    class Meta:
        verbose_name = _("onboarding")
        verbose_name_plural = _("onboardings")

    def __str__(self) -> str:
        return f"{self.organization} · {self.step}"

    @property
    def is_launched(self) -> bool:
        """Whether the wizard was brought to its end."""
        return self.completed_at is not None

    @property
    def steps_skipped(self) -> int:
        """How many steps were left out."""
        return sum(state == StepState.SKIPPED for state in self.steps.values())

    def go_to(self, step: str) -> None:
        """Keep where the person is now."""
        if self.step != step:
            self.step = step
            self.save(update_fields=["step"])

    def mark_step(self, step: str, state: StepState) -> None:
        """Keep how a step was left; a skipped key is kept as such, and a step that is done after all no longer is."""
        self.steps[step] = state.value
        self._save_step(step, is_skipped=state == StepState.SKIPPED)

    def forget_step(self, step: str) -> None:
        """A step is as if nobody had left it."""
        self.steps.pop(step, None)
        self._save_step(step, is_skipped=False)

    def _save_step(self, step: str, *, is_skipped: bool) -> None:
        fields = ["steps"]
        if step in {"vapi", "twilio"}:
            setattr(self, f"{step}_skipped", is_skipped)
            fields.append(f"{step}_skipped")
        self.save(update_fields=fields)

    def mark_launched(self) -> bool:
        """The wizard is over; launching again keeps the first time. Whether this was the first, of two at once too."""
        return self._note_once("completed_at", timezone.now(), completed_at=None)

    def mark_begun(self) -> bool:
        """The wizard is opened; whether for the first time."""
        return self._note_once("started_at", timezone.now(), started_at=None)

    def mark_assistant_created(self) -> bool:
        """The assistant exists at Vapi; whether it is the first."""
        return self._note_once("assistant_created", True, assistant_created=False)

    def _note_once(self, name: str, value: Any, **before: Any) -> bool:
        rows = Onboarding.objects.for_organization(self.organization_id)
        is_first = bool(rows.filter(pk=self.pk, **before).update(**{name: value}))
        self.refresh_from_db(fields=[name])
        return is_first


class Draft(TenantModel):
    """What was typed and is not in the real rows: wrong or half-written values, with who wrote last, field by field.

    `entries` is {"step.field": {"at", "writer", "sequence", "typed"}}; `typed` is missing once the value is in its row.
    Secrets have an endpoint of their own and never come here.
    """

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="onboarding_draft")
    entries = models.JSONField(_("entries"), default=dict)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")

    def __str__(self) -> str:
        return str(self.organization)
