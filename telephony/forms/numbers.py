"""Choosing the number that Ava answers on."""

from typing import Any

import phonenumbers
from django import forms
from django.utils.translation import gettext_lazy as _


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

    def clean_phone(self) -> Any:
        try:
            parsed = phonenumbers.parse(self.cleaned_data["phone"], None)
        except phonenumbers.NumberParseException:
            parsed = None
        if parsed is None or not phonenumbers.is_possible_number(parsed):
            raise forms.ValidationError(_("Enter the number with its country code, such as +33 1 99 00 12 34."))
        return phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
            parsed.country_code or 0
        )
