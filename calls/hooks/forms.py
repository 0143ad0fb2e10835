"""What is typed about a receiver."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from calls.hooks import endpoints
from calls.models import HookEndpoint

PLAIN = {"autocomplete": "off", "spellcheck": "false", "dir": "ltr"}


class EndpointForm(forms.Form):
    url = forms.CharField(
        label=_("Address"),
        help_text=_("Where events are posted: a public address that begins with https://"),
        widget=forms.URLInput(attrs=PLAIN),
        error_messages={"required": _("Enter the address that is to be told.")},
    )
    description = forms.CharField(
        label=_("Description"), max_length=200, required=False, help_text=_("Optional, for yourself.")
    )
    types = forms.MultipleChoiceField(
        label=_("Events"),
        choices=endpoints.CHOOSABLE,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen means all of them."),
    )
    header_name = forms.CharField(
        label=_("Header"),
        max_length=100,
        required=False,
        help_text=_("Optional, for Zapier, Make or n8n, which check no signatures: X-Secret, say."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    header_value = forms.CharField(
        label=_("Value of the header"),
        max_length=500,
        required=False,
        help_text=_("It is kept encrypted and never shown again."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}, render_value=True),
    )

    def add_for(self, organization: Organization) -> HookEndpoint | None:
        """The new receiver; None, with the reason beside its field, when it cannot be added."""
        try:
            return endpoints.add_endpoint(organization=organization, **self.cleaned_data)
        except ValidationError as error:
            self.add_error(None, error)
        except endpoints.NotPossible as problem:
            self.add_error(None, str(problem))
        return None
