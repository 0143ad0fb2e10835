"""Who the person is, and what their organization does."""

from functools import cache
from typing import Any

from django import forms
from django.conf import settings
from django.db import models
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from accounts.countries import country_choices
from accounts.models import Organization, User
from ava.lib import timezones
from ava.lib.forms import LongSelect


class CompanySize(models.TextChoices):
    ALONE = "1", _("just me")
    FEW = "2-10", _("2 to 10 people")
    SOME = "11-50", _("11 to 50 people")
    MANY = "51-200", _("51 to 200 people")
    LARGE = "201+", _("more than 200 people")


@cache
def time_zones() -> list[str]:
    """The zones that people live in, without the old names that mean the same."""
    continents = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/")
    names = timezones.names()
    return ["UTC", *sorted(name for name in names if name.startswith((*continents, "Pacific/")))]


def time_zone_choices(kept: str = "") -> list[tuple[str, str]]:
    """For a select; a zone that was kept before and is not listed stays choosable."""
    names = [*time_zones(), *([kept] if kept and kept not in time_zones() else [])]
    return [(name, name.replace("_", " ")) for name in names]


class PersonForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("full_name", "locale", "timezone", "marketing_opt_in")
        labels = {
            "full_name": _("Your name"),
            "locale": _("Language"),
            "timezone": _("Time zone"),
            "marketing_opt_in": _("Write to me when there is news about Ava"),
        }
        help_texts = {"locale": _("Of these pages, and of the mails and pushes to you.")}
        widgets = {"full_name": forms.TextInput(attrs={"autocomplete": "name"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Each language under its own name: who cannot read the page finds theirs all the same.
        names = [(code, get_language_info(code)["name_local"].capitalize()) for code, _name in settings.LANGUAGES]
        self.fields["locale"].widget.choices = names
        self.fields["timezone"] = forms.ChoiceField(
            label=_("Time zone"), choices=time_zone_choices(self.instance.timezone), widget=LongSelect
        )

    def save(self, commit: bool = True) -> Any:
        """Write what the form shows, and nothing else of the person."""
        self.instance.save(update_fields=self.Meta.fields)
        return self.instance


class OrganizationForm(forms.ModelForm):
    prefix = "organization"

    class Meta:
        model = Organization
        fields = ("name", "profession", "industry", "company_size", "country")
        labels = {
            "name": _("Name of the organization"),
            "profession": _("Profession"),
            "industry": _("Industry"),
            "company_size": _("How many people work there?"),
            "country": _("Country"),
        }
        help_texts = {"name": _("As Ava says it on the phone.")}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "organization"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        size, country = self.instance.company_size, self.instance.country
        kept = [(size, size)] if size and size not in CompanySize.values else []
        sizes = [("", "—"), *CompanySize.choices, *kept]
        self.fields["company_size"] = forms.ChoiceField(
            label=self.fields["company_size"].label, choices=sizes, required=False
        )
        self.fields["country"] = forms.ChoiceField(
            label=self.fields["country"].label, choices=country_choices(country), required=False
        )

    def save(self, commit: bool = True) -> Any:
        """Write what the form shows, and nothing else of the organization."""
        self.instance.save(update_fields=self.Meta.fields)
        return self.instance
