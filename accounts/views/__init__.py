"""The settings' sections that are about people, their organization and its keys."""

from accounts.views.invitations import invitation
from accounts.views.keys import twilio_section, vapi_section
from accounts.views.notifications import notifications_section
from accounts.views.plan import plan_section
from accounts.views.profile import profile_section
from accounts.views.sections import back_to, row_or_404, section_url
from accounts.views.security import security_section
from accounts.views.team import team_section

__all__ = [
    "back_to",
    "invitation",
    "notifications_section",
    "plan_section",
    "profile_section",
    "row_or_404",
    "section_url",
    "security_section",
    "team_section",
    "twilio_section",
    "vapi_section",
]
