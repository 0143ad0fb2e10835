"""The settings' forms; what is typed is checked in words and, when it is wrong, still there."""

from accounts.forms.keys import TwilioAccountForm, VapiKeyForm
from accounts.forms.notifications import NotificationsForm
from accounts.forms.plan import PlanForm
from accounts.forms.profile import OrganizationForm, PersonForm
from accounts.forms.team import InvitationForm, RoleForm

__all__ = [
    "InvitationForm",
    "NotificationsForm",
    "OrganizationForm",
    "PersonForm",
    "PlanForm",
    "RoleForm",
    "TwilioAccountForm",
    "VapiKeyForm",
]
