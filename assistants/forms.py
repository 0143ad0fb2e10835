"""The studio's forms. The bounds are the providers' own, so that nothing is saved that Vapi would refuse."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assistants import choices, prompts, voices
from assistants.models import Studio, WorkspaceApp
from assistants.studio import SETTINGS

LONGEST_TEXT = 20_000
LONGEST_GREETING = 2_000
DEEPGRAM_MODELS = ("nova-3", "nova-2")
# The page's groups: what it is called in the address, its title, its fields.
GROUPS = (
    ("who", _("Who answers"), ("name", "persona", "job_to_be_done", "tone", "first_language", "languages")),
    (
        "words",
        _("What is said"),
        ("first_message", "system_prompt", "guidelines", "end_call_message", "consent_notice"),
    ),
    ("voice", _("Voice"), ("voice_provider", "voice_id", "other_voice", "voice_speed")),
    ("model", _("Model"), ("model_provider", "model_name", "temperature", "max_tokens")),
    (
        "calls",
        _("Calls"),
        ("transcriber_provider", "transcriber_model", "recording_enabled", "max_duration_seconds"),
    ),
)
LEFT_TO_RIGHT = {"dir": "ltr", "autocomplete": "off", "spellcheck": "false"}


@dataclass(frozen=True)
class Row:
    """A field, and what somebody else wrote there meanwhile."""

    field: forms.BoundField
    theirs: str


@dataclass(frozen=True)
class Group:
    slug: str
    title: str
    rows: list[Row]


class StudioForm(forms.ModelForm):
    """Every setting of the assistant. `narrow` offers the chosen provider's voices and models only."""

    first_language = forms.ChoiceField(
        label=_("First language"),
        choices=settings.LANGUAGES,
        help_text=_("The greeting is in this language."),
    )
    languages = forms.MultipleChoiceField(
        choices=settings.LANGUAGES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What callers may speak. The first language always counts."),
    )
    voice_id = forms.ChoiceField(required=False)
    other_voice = forms.CharField(
        label=_("Another voice, by its id"),
        required=False,
        max_length=100,
        help_text=_("A voice of your own account at the provider. It counts before the choice above."),
        widget=forms.TextInput(attrs=LEFT_TO_RIGHT),
    )

    class Meta:
        model = Studio
        fields = tuple(name for _slug, _title, names in GROUPS for name in names if name in SETTINGS)
        widgets = {
            "persona": forms.RadioSelect,
            "tone": forms.TextInput(attrs={"list": "tones", "autocomplete": "off"}),
            "job_to_be_done": forms.Textarea(attrs={"rows": 3, "maxlength": LONGEST_TEXT}),
            "first_message": forms.Textarea(attrs={"rows": 3, "maxlength": LONGEST_GREETING}),
            "system_prompt": forms.Textarea(attrs={"rows": 8, "maxlength": LONGEST_TEXT}),
            "guidelines": forms.Textarea(attrs={"rows": 5, "maxlength": LONGEST_TEXT}),
            "end_call_message": forms.Textarea(attrs={"rows": 2}),
            "consent_notice": forms.Textarea(attrs={"rows": 2}),
            "transcriber_model": forms.TextInput(attrs=LEFT_TO_RIGHT),
            "recording_enabled": forms.CheckboxInput(attrs={"role": "switch"}),
            "temperature": forms.NumberInput(attrs={"step": "0.05"}),
            "voice_speed": forms.NumberInput(attrs={"step": "0.05"}),
        }
        help_texts = {
            "job_to_be_done": _("In a sentence: what a call should lead to."),
            "tone": _("Choose one, or write your own."),
            "first_message": _("What callers hear first. Empty: a greeting with the name of your organization."),
            "system_prompt": _("How a call is to be led. [ORGANIZATION_NAME] and the like are filled."),
            "guidelines": _("Facts and rules: opening hours, prices that may be told, what never to promise."),
            "consent_notice": _("Said after the first message, where the law asks for it."),
            "temperature": _("From 0, always the same words, to 2, very free."),
            "max_tokens": _("From 50 to 10,000. 250 are about six sentences."),
            "max_duration_seconds": _("From 10 to 43,200. 900 seconds are 15 minutes; then the call is cut."),
            "transcriber_model": _("nova-3 or nova-2 for Deepgram. Empty: the provider's own choice."),
        }

    def __init__(self, *args: Any, narrow: bool = False, read_only: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.theirs: dict[str, str] = {}
        studio: Studio = self.instance
        for name in ("languages", "voice_id"):
            self.fields[name].label = capfirst(Studio._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
        for name, most in (("first_message", LONGEST_GREETING), *((name, LONGEST_TEXT) for name in _TEXTS)):
            self.fields[name].max_length = most  # type: ignore[attr-defined]
            self.fields[name].validators.append(_no_longer_than(most))
        self.initial["first_language"] = studio.language
        self.initial["tone"] = prompts.tone_label(studio.tone)
        self._offer_voices(narrow=narrow)
        self._offer_models(narrow=narrow)
        transcribers = choices.with_kept({**voices.TRANSCRIBERS}, studio.transcriber_provider)
        self.fields["transcriber_provider"] = self._choice("transcriber_provider", transcribers.items())
        for field in self.fields.values():
            field.disabled = field.disabled or read_only

    def groups(self) -> list[Group]:
        """The fields as the page shows them."""
        return [
            Group(slug, str(title), [Row(self[name], self.theirs.get(name, "")) for name in names])
            for slug, title, names in GROUPS
        ]

    def group(self, slug: str) -> Group:
        """One of them."""
        return next(group for group in self.groups() if group.slug == slug)

    @property
    def tones(self) -> list[str]:
        """What is offered as a tone."""
        return [str(label) for label in prompts.TONES.values()]

    @property
    def voice(self) -> voices.Voice | None:
        """The voice chosen now, if it is one of ours."""
        return voices.find_voice(self.instance.voice_provider, self.instance.voice_id)

    @cached_property
    def cautions(self) -> dict[str, str]:
        """What can be saved and would still not go well."""
        studio: Studio = self.instance
        names, found = dict(settings.LANGUAGES), {}
        if unspoken := [code for code in studio.languages if self.voice and code not in self.voice.languages]:
            listed = ", ".join(str(names.get(code, code)) for code in unspoken)
            words = gettext("%(voice)s is not known to speak this well: %(languages)s.")
            found["voice_id"] = words % {"voice": self.voice.label if self.voice else "", "languages": listed}
        for name in GROUPS[1][2]:
            if unknown := prompts.unknown_placeholders(getattr(studio, name), studio):
                words = gettext("These placeholders are not known: %(listed)s.")
                found[name] = words % {"listed": ", ".join(unknown)}
        return found

    def values(self) -> dict[str, Any]:
        """The settings as they are to be saved."""
        return {name: getattr(self.instance, name) for name in self.fields if name in SETTINGS}

    # --- Cleaning -----------------------------------------------------------------------------------------------------

    def clean_tone(self) -> str:
        return prompts.tone_named(self.cleaned_data["tone"])

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if first := values.get("first_language"):
            values["languages"] = [first, *(code for code in values.get("languages", []) if code != first)]
        for check in (self._check_voice, self._check_speed, self._check_model, self._check_transcriber):
            check(values)
        return values

    def _check_voice(self, values: dict[str, Any]) -> None:
        provider, chosen, other = (values.get(name, "") for name in ("voice_provider", "voice_id", "other_voice"))
        if other:
            values["voice_id"] = other
        elif not chosen and "voice_id" not in self.errors:
            self.add_error("voice_id", _("Choose a voice, or enter the id of another."))
        elif provider and chosen and not voices.find_voice(provider, chosen):
            values_of = {"voice": chosen, "provider": voices.PROVIDERS.get(provider, provider)}
            self.add_error("voice_id", gettext("%(voice)s is not a voice of %(provider)s.") % values_of)

    def _check_speed(self, values: dict[str, Any]) -> None:
        provider, speed = values.get("voice_provider", ""), values.get("voice_speed")
        slowest, fastest = voices.speed_bounds(provider)
        if speed is not None and provider in voices.SPEEDS and not slowest <= speed <= fastest:
            bounds = {"slowest": number_format(slowest), "fastest": number_format(fastest)}
            self.add_error("voice_speed", gettext("Enter a speed from %(slowest)s to %(fastest)s.") % bounds)

    def _check_model(self, values: dict[str, Any]) -> None:
        provider, name = values.get("model_provider"), values.get("model_name")
        if not (provider and name):
            return
        known = [one for one, model, _label in voices.MODELS if model == name]
        if known and provider not in known:
            values_of = {"model": name, "provider": voices.MODEL_PROVIDERS.get(provider, provider)}
            self.add_error("model_name", gettext("%(model)s is not a model of %(provider)s.") % values_of)

    def _check_transcriber(self, values: dict[str, Any]) -> None:
        provider, model = values.get("transcriber_provider", ""), values.get("transcriber_model", "")
        if provider == "deepgram" and model and not model.startswith(DEEPGRAM_MODELS):
            self.add_error("transcriber_model", _("Deepgram has nova-3 and nova-2."))
        elif provider != "deepgram" and model in DEEPGRAM_MODELS:
            self.add_error("transcriber_model", _("This is a model of Deepgram. Leave it empty here."))
        elif set(values.get("languages", [])) - set(voices.hearing_languages(provider, model)):
            self.add_error("transcriber_model", _("nova-2 does not understand Hebrew. Take nova-3."))

    # --- What is offered ----------------------------------------------------------------------------------------------

    def _offer_voices(self, *, narrow: bool) -> None:
        studio: Studio = self.instance
        provider = self._now("voice_provider", studio.voice_provider)
        offered = choices.with_kept({**voices.PROVIDERS}, studio.voice_provider)
        self.fields["voice_provider"] = self._choice("voice_provider", offered.items(), part="voice")
        grouped = {
            name: [(voice.id, choices.voice_label(voice)) for voice in voices.voices_of(name)]
            for name in choices.first_of(provider, [provider] if narrow else offered)
        }
        other = ("", gettext("Another, by its id"))
        labelled = [(offered.get(name, name), found) for name, found in grouped.items() if found]
        self.fields["voice_id"].choices = [*labelled, other]  # type: ignore[attr-defined]
        self.fields["voice_id"].widget.attrs.update(_redraws("voice"))
        if not voices.find_voice(studio.voice_provider, studio.voice_id):
            self.initial["voice_id"], self.initial["other_voice"] = "", studio.voice_id
        slowest, fastest = voices.speed_bounds(provider)
        self.fields["voice_speed"].widget.attrs.update({"min": str(slowest), "max": str(fastest)})
        self.fields["voice_speed"].help_text = choices.speed_hint(provider)

    def _offer_models(self, *, narrow: bool) -> None:
        studio: Studio = self.instance
        provider = self._now("model_provider", studio.model_provider)
        offered = choices.with_kept({**voices.MODEL_PROVIDERS}, studio.model_provider)
        self.fields["model_provider"] = self._choice("model_provider", offered.items(), part="model")
        models = list(voices.MODELS)
        if studio.model_name not in [name for _provider, name, _label in models]:
            models.append((studio.model_provider, studio.model_name, studio.model_name))
        grouped = [
            (offered.get(one, one), [(name, label) for owner, name, label in models if owner == one])
            for one in choices.first_of(provider, [provider] if narrow else offered)
        ]
        self.fields["model_name"] = self._choice("model_name", [group for group in grouped if group[1]])

    def _choice(self, name: str, offered: Iterable[Any], *, part: str = "") -> forms.ChoiceField:
        old = self.fields[name]
        attrs = _redraws(part) if part else {}
        return forms.ChoiceField(
            label=old.label, help_text=old.help_text, choices=list(offered), widget=forms.Select(attrs=attrs)
        )

    def _now(self, name: str, kept: str) -> str:
        return str(self.data.get(name) or kept) if self.is_bound else kept


class IntegrationsForm(forms.ModelForm):
    """Which calendar, apps and CRM the organization works with: kept as a preference."""

    workspace_apps = forms.MultipleChoiceField(
        choices=WorkspaceApp.choices, required=False, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = Studio
        fields = ("calendar", "workspace_apps", "crm")
        widgets = {"calendar": forms.RadioSelect, "crm": forms.RadioSelect}

    def __init__(self, *args: Any, read_only: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["workspace_apps"].label = capfirst(_("workspace apps"))
        for field in self.fields.values():
            field.disabled = read_only


_TEXTS = ("job_to_be_done", "system_prompt", "guidelines")


def _no_longer_than(most: int) -> Any:
    def check(text: str) -> None:
        if len(text) > most:
            raise ValidationError(_("At most %(most)s characters, please."), params={"most": most})

    return check


def _redraws(part: str) -> dict[str, str]:
    """A choice on which other fields depend: the server draws its group again."""
    return {
        "hx-post": reverse("assistants:preview"),
        "hx-vals": f'{{"part": "{part}"}}',
        "hx-target": f"#group-{part}",
        "hx-swap": "outerHTML",
    }
