"""Plan and seats."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import plans
from accounts.models import Organization
from accounts.models.organizations import Plan


class PlanForm(forms.Form):
    plan = forms.ChoiceField(label=_("Plan"), choices=Plan.choices, widget=forms.RadioSelect)
    seats = forms.IntegerField(
        label=_("Seats"),
        min_value=1,
        help_text=_("One for each person who signs in, and for each open invitation."),
        error_messages={
            "required": _("Enter how many people are to have a seat."),
            "invalid": _("Enter a whole number."),
            "min_value": _("At least one person needs a seat."),
        },
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "dir": "ltr"}),
    )

    def save_for(self, organization: Organization) -> bool:
        """Take the plan; False, with the reason beside the field, when it does not fit."""
        values = self.cleaned_data
        try:
            plans.change_plan(organization=organization, plan=values["plan"], seats=values["seats"])
        except ValidationError as error:
            self.add_error(None, error)
            return False
        return True
