"""Choosing the number that Ava answers on."""

from django import forms
from django.utils.translation import gettext_lazy as _

from telephony import pool


class OwnNumberForm(forms.Form):
    """A number of the tenant's own Twilio account."""

    number = forms.CharField(
        label=_("Number of your Twilio account"),
        help_text=_("With its country code: +33 1 99 00 12 34."),
        widget=forms.TextInput(attrs={"type": "tel", "dir": "ltr", "autocomplete": "tel"}),
        error_messages={"required": _("Enter or choose a number.")},
    )


class PoolNumberForm(forms.Form):
    """The country of the number to be lent, told by the person's own."""

    phone = forms.CharField(
        label=_("Your own phone number"),
        help_text=_("With its country code. You get a virtual number of the same country."),
        widget=forms.TextInput(attrs={"type": "tel", "dir": "ltr", "autocomplete": "tel"}),
        error_messages={"required": _("Enter your phone number.")},
    )

    def clean_phone(self) -> str:
        return pool.country_for(self.cleaned_data["phone"])
