"""One form per step. They judge what was typed; the wizard turns their errors into warnings and never blocks."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.countries import country_choices
from accounts.forms.profile import CompanySize, time_zone_choices
from accounts.models.organizations import Plan
from accounts.plans import OFFERS
from assistants import voices
from assistants.models import Calendar, Crm, Persona, WorkspaceApp
from assistants.prompts import TONES
from ava.lib.forms import LongSelect
from onboarding.models import NumberStrategy
from onboarding.situation import Situation
from telephony.forms import BusinessHoursForm


def with_current(choices: Sequence[Any], current: str) -> list[Any]:
    """The choices, and the value that is there already if it is another (set in the studio, or over the API)."""
    return list(choices) if current in {"", *(value for value, _label in choices)} else [*choices, (current, current)]


class StepForm(forms.Form):
    """What the steps share: `situation` is the organization's rows, `names_of_choices` gives words for a value."""

    use_required_attribute = False

    def __init__(self, *args: Any, situation: Situation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.situation = situation
        self.fit()

    def fit(self) -> None:
        """Adapt the choices to the organization."""


class NoFields(StepForm):
    """A step that asks for nothing here: keys have endpoints of their own."""


class ProfileForm(StepForm):
    full_name = forms.CharField(
        label=_("Your name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Your name is missing. Ava says whom she answers for.")},
    )
    organization_name = forms.CharField(
        label=_("Name of the organization"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
        error_messages={"required": _("The name of your organization is missing. Callers hear it first.")},
    )
    profession = forms.CharField(
        label=_("Profession"), max_length=100, required=False, help_text=_("For example: physiotherapist, plumber.")
    )
    industry = forms.CharField(
        label=_("Industry"), max_length=100, required=False, help_text=_("For example: health, crafts, law.")
    )
    company_size = forms.ChoiceField(label=_("How many people work there?"), required=False)
    country = forms.ChoiceField(
        label=_("Country"),
        error_messages={"required": _("Choose your country: numbers and forwarding codes depend on it.")},
    )
    timezone = forms.ChoiceField(label=_("Time zone"), widget=LongSelect)
    locale = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES, widget=forms.RadioSelect)
    marketing_opt_in = forms.BooleanField(label=_("Write to me when there is news about Ava"), required=False)
    accept_terms = forms.BooleanField(
        label=_("I accept the terms of use"),
        error_messages={"required": _("Launching Ava needs the accepted terms.")},
    )

    def fit(self) -> None:
        organization, user = self.situation.organization, self.situation.user
        offered: dict[str, Any] = {
            "company_size": with_current([("", "—"), *CompanySize.choices], organization.company_size),
            "country": country_choices(organization.country),
            "timezone": time_zone_choices(user.timezone),
        }
        for name, choices in offered.items():
            self.fields[name].choices = choices  # type: ignore[attr-defined]
        if user.timezone == "UTC":
            self.fields["timezone"].widget.attrs["data-guess"] = "timezone"
        if user.terms_accepted_at:
            self.fields.pop("accept_terms")


class AvaForm(StepForm):
    persona = forms.ChoiceField(label=_("Ava is your"), choices=Persona.choices, widget=forms.RadioSelect)
    job_to_be_done = forms.CharField(
        label=_("What is she to do for your callers?"),
        help_text=_("For example: take appointments, answer about opening hours, note urgent cases."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=4000,
        error_messages={"required": _("Say in a sentence what Ava is to do.")},
    )
    languages = forms.MultipleChoiceField(
        label=_("Languages she speaks"),
        help_text=_("She begins in the first of them that you chose."),
        choices=settings.LANGUAGES,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose one language at least.")},
    )
    tone = forms.ChoiceField(label=_("Tone"), choices=lambda: list(TONES.items()), widget=forms.RadioSelect)
    guidelines = forms.CharField(
        label=_("What she must know or respect"),
        help_text=_("Prices, addresses, what she may promise and what not."),
        widget=forms.Textarea(attrs={"rows": 5}),
        required=False,
        max_length=20_000,
    )

    def fit(self) -> None:
        tones = with_current(list(TONES.items()), self.situation.studio.tone)
        self.fields["tone"].choices = tones  # type: ignore[attr-defined]

    def clean_languages(self) -> list[str]:
        """In the order they stand in now: the first one is the language she begins in."""
        chosen, before = self.cleaned_data["languages"], self.situation.languages
        return sorted(chosen, key=lambda code: before.index(code) if code in before else len(before))


class TelephonyForm(BusinessHoursForm):
    """Which kind of number, and when the business is open; the number itself is taken through its own endpoint."""

    use_required_attribute = False
    number_strategy = forms.ChoiceField(
        label=_("Which number does Ava answer?"), choices=NumberStrategy.choices, widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, situation: Situation, **kwargs: Any) -> None:
        self.situation = situation
        super().__init__(*args, instance=situation.starting_hours, **kwargs)


class IntegrationsForm(StepForm):
    calendar = forms.ChoiceField(label=_("Calendar"), choices=Calendar.choices, widget=forms.RadioSelect)
    workspace_apps = forms.MultipleChoiceField(
        label=_("Where your team works"),
        choices=WorkspaceApp.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    crm = forms.ChoiceField(label=_("Customer relations (CRM)"), choices=Crm.choices, widget=forms.RadioSelect)


class AssistantForm(StepForm):
    name = forms.CharField(
        label=_("Her name"), max_length=40, error_messages={"required": _("Give your assistant a name.")}
    )
    voice = forms.ChoiceField(label=_("Voice"), help_text=_("All voices that speak the languages you chose."))
    voice_speed = forms.DecimalField(
        label=_("Speed of speech"),
        max_digits=3,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "0.05", "inputmode": "decimal", "dir": "ltr"}),
        error_messages={"required": _("Enter a speed; 1 is normal."), "invalid": _("Enter a speed; 1 is normal.")},
    )
    model = forms.ChoiceField(label=_("Language model"), help_text=_("The small ones answer fastest on the phone."))
    first_message = forms.CharField(
        label=_("First message"),
        help_text=_("What your callers hear first."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=1000,
        error_messages={"required": _("Write what Ava says first.")},
    )
    system_prompt = forms.CharField(
        label=_("Instructions"),
        help_text=_("Written from persona and tone; change what you like."),
        widget=forms.Textarea(attrs={"rows": 10}),
        required=False,
        max_length=20_000,
    )

    def fit(self) -> None:
        values = self.initial
        spoken = voices.voices_for(self.situation.languages)
        groups = [
            (label, [(f"{one.provider}:{one.id}", one.label) for one in spoken if one.provider == provider])
            for provider, label in voices.PROVIDERS.items()
        ]
        offered = [group for group in groups if group[1]]
        self.fields["voice"].choices = self._with_own(offered, values.get("voice"))  # type: ignore[attr-defined]
        models = [(f"{provider}:{name}", label) for provider, name, label in voices.MODELS]
        self.fields["model"].choices = with_current(models, values.get("model", ""))  # type: ignore[attr-defined]
        spoken_from = "rtl" if self.situation.studio.language == "he" else "ltr"
        for name in ("first_message", "system_prompt"):
            self.fields[name].widget.attrs["dir"] = spoken_from
        slowest, fastest = voices.speed_bounds(self._provider())
        self.fields["voice_speed"].widget.attrs |= {"min": str(slowest), "max": str(fastest)}

    def _with_own(self, groups: list[Any], current: str | None) -> list[Any]:
        known = {value for _label, options in groups for value, _name in options}
        return groups if not current or current in known else [*groups, (current, current.partition(":")[2])]

    def _provider(self) -> str:
        return str(self["voice"].value() or "").partition(":")[0]

    def clean_voice_speed(self) -> Decimal:
        """Within what the voice's provider takes."""
        speed, provider = self.cleaned_data["voice_speed"], self._provider()
        slowest, fastest = voices.speed_bounds(provider)
        if not slowest <= speed <= fastest:
            bounds = {"provider": voices.PROVIDERS.get(provider, provider), "least": slowest, "most": fastest}
            raise ValidationError(_("%(provider)s speaks at %(least)s to %(most)s."), params=bounds)
        return speed


class PlanForm(StepForm):
    plan = forms.ChoiceField(label=_("Plan"), choices=Plan.choices, widget=forms.RadioSelect)
    seats = forms.IntegerField(
        label=_("Seats"),
        help_text=_("One for each person who signs in, and for each open invitation."),
        min_value=1,
        max_value=10_000,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "dir": "ltr"}),
        error_messages={
            "required": _("Enter how many people are to have a seat."),
            "invalid": _("Enter a whole number."),
        },
    )

    def clean_seats(self) -> int:
        """As many as the plan has."""
        seats, plan = self.cleaned_data["seats"], self.cleaned_data.get("plan", "")
        offer = OFFERS.get(plan)
        if offer and seats > offer.most_seats:
            values = {"plan": Plan(plan).label, "most": offer.most_seats}
            raise ValidationError(gettext("The plan %(plan)s has %(most)s seats at most.") % values)
        return seats


class TermsForm(StepForm):
    """The last step: what launching needs."""

    accept_terms = ProfileForm.base_fields["accept_terms"]

    def fit(self) -> None:
        if self.situation.user.terms_accepted_at:
            self.fields.pop("accept_terms")
