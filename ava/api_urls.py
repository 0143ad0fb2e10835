"""Every route of the REST API on one page: under /api/v1/, and under /api/ for the first clients."""

from django.urls import path

from accounts.api import devices, keys, organizations
from ava import api_docs
from calls.api import calls, mails
from onboarding.api import profile, progress, studio_config

urlpatterns = [
    path("organizations", organizations.OrganizationsView.as_view(), name="organizations"),
    path("vapi-settings", keys.VapiSettingsView.as_view(), name="vapi-settings"),
    path("vapi/settings", keys.VapiSettingsView.as_view(), name="vapi-settings-alias"),
    path("twilio-settings", keys.TwilioSettingsView.as_view(), name="twilio-settings"),
    path("devices", devices.DevicesView.as_view(), name="devices"),
    path("devices/<int:pk>", devices.DeviceView.as_view(), name="device"),
    path("user/profile", profile.ProfileView.as_view(), name="profile"),
    path("user/studio-config", studio_config.StudioConfigView.as_view(), name="studio-config"),
    path("user/onboarding", progress.OnboardingView.as_view(), name="onboarding"),
    path("user/complete-onboarding", progress.CompleteOnboardingView.as_view(), name="complete-onboarding"),
    path("calls", calls.CallsView.as_view(), name="calls"),
    path("calls/<uuid:pk>", calls.CallView.as_view(), name="call"),
    path("calls/<uuid:pk>/recording", calls.RecordingView.as_view(), name="call-recording"),
    path("integrations/email/test", mails.TestMailView.as_view(), name="test-mail"),
    path("schema", api_docs.SchemaView.as_view(), name="schema"),
    path("docs", api_docs.DocsView.as_view(url_name="api:schema"), name="docs"),
]
