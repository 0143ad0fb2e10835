"""The tenant's keys."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import credentials
from accounts.models import Organization
from ava.lib.phones import is_e164, normalize


class VapiKeyForm(forms.Form):
    api_key = forms.CharField(
        label=_("Private key"),
        help_text=_("In Vapi's dashboard under API keys. It is kept encrypted and never shown again."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}, render_value=True),
        error_messages={"required": _("Enter your Vapi key.")},
        strip=False,
    )

    def clean_api_key(self) -> str:
        return credentials.clean_vapi_key(self.cleaned_data["api_key"])

    def save_for(self, organization: Organization) -> bool:
        """Keep the key; False, with the reason beside the field, when Vapi does not accept it."""
        try:
            credentials.save_vapi_key(organization=organization, typed=self.cleaned_data["api_key"])
        except ValidationError as error:
            self.add_error("api_key", error)
            return False
        return True


class TwilioAccountForm(forms.Form):
    account_sid = forms.CharField(
        label=_("Account SID"),
        help_text=_("On the first page of Twilio's console; it begins with AC."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "dir": "ltr"}),
        error_messages={"required": _("Enter the account SID.")},
    )
    auth_token = forms.CharField(
        label=_("Auth token"),
        help_text=_("Beside the account SID. It is kept encrypted and never shown again."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}, render_value=True),
        error_messages={"required": _("Enter the auth token.")},
    )
    phone_number = forms.CharField(
        label=_("Phone number"),
        required=False,
        help_text=_("Optional, with the country code: +33 1 99 00 12 34."),
        widget=forms.TextInput(attrs={"type": "tel", "dir": "ltr", "autocomplete": "tel"}),
    )

    def clean_account_sid(self) -> str:
        return credentials.clean_account_sid(self.cleaned_data["account_sid"])

    def clean_auth_token(self) -> str:
        return credentials.clean_auth_token(self.cleaned_data["auth_token"])

    def clean_phone_number(self) -> str:
        number = normalize(self.cleaned_data["phone_number"])
        if number and not is_e164(number):
            raise ValidationError(_("Enter the number with its country code, such as +33 1 99 00 12 34."))
        return number

    def save_for(self, organization: Organization) -> bool:
        """Keep the account; False, with the reason beside the field, when Twilio does not accept it."""
        values: dict[str, Any] = self.cleaned_data
        try:
            credentials.save_twilio_account(organization=organization, **values)
        except ValidationError as error:
            self.add_error(None, error)
            return False
        return True
