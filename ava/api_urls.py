"""Every route of the REST API on one page: under /api/v1/, and under /api/ for the first clients."""

from django.urls import path

from accounts.api import devices, keys, organizations
from assistants.api import activation, assistants, calendars, studio
from ava import api_docs
from calls.api import calls, hooks, mails
from onboarding.api import profile, progress, studio_config
from telephony.api import hours, numbers, twilio

urlpatterns = [
    path("organizations", organizations.OrganizationsView.as_view(), name="organizations"),
    path("vapi-settings", keys.VapiSettingsView.as_view(), name="vapi-settings"),
    path("vapi/settings", keys.VapiSettingsView.as_view(), name="vapi-settings-alias"),
    path("twilio-settings", keys.TwilioSettingsView.as_view(), name="twilio-settings"),
    path("devices", devices.DevicesView.as_view(), name="devices"),
    path("devices/<int:pk>", devices.DeviceView.as_view(), name="device"),
    path("user/profile", profile.ProfileView.as_view(), name="profile"),
    path("user/studio-config", studio_config.StudioConfigView.as_view(), name="user-studio-config"),
    path("user/onboarding", progress.OnboardingView.as_view(), name="onboarding"),
    path("user/complete-onboarding", progress.CompleteOnboardingView.as_view(), name="complete-onboarding"),
    path("calls", calls.CallsView.as_view(), name="calls"),
    path("calls/<uuid:pk>", calls.CallView.as_view(), name="call"),
    path("calls/<uuid:pk>/recording", calls.RecordingView.as_view(), name="call-recording"),
    path("integrations/email/test", mails.TestMailView.as_view(), name="test-mail"),
    path("studio/config", studio.ConfigView.as_view(), name="studio-config"),
    path("studio/sync-vapi", studio.SyncVapiView.as_view(), name="sync-vapi"),
    path("assistants", assistants.AssistantsView.as_view(), name="assistants"),
    path("assistants/<int:pk>", assistants.AssistantView.as_view(), name="assistant"),
    path("settings/agent/activate", activation.ActivateView.as_view(), name="activate"),
    path("settings/agent/deactivate", activation.DeactivateView.as_view(), name="deactivate"),
    path("twilio/numbers", twilio.TwilioNumbersView.as_view(), name="twilio-numbers"),
    path("twilio/status", twilio.TwilioStatusView.as_view(), name="twilio-status"),
    path("phone-numbers", numbers.NumbersView.as_view(), name="phone-numbers"),
    path("phone-numbers/attach", numbers.AttachView.as_view(), name="attach-number"),
    path("phone-numbers/assign", numbers.AssignView.as_view(), name="assign-number"),
    path("phone-numbers/<int:pk>", numbers.NumberView.as_view(), name="phone-number"),
    path("phone-numbers/business-hours", hours.BusinessHoursView.as_view(), name="business-hours"),
    path("phone-numbers/holidays", hours.HolidaysView.as_view(), name="holidays"),
    path("phone-numbers/holidays/<int:pk>", hours.HolidayView.as_view(), name="holiday"),
    path("integrations/calendar", calendars.CalendarsView.as_view(), name="calendars"),
    path("integrations/calendar/<str:provider>", calendars.CalendarView.as_view(), name="calendar"),
    path("integrations/calendar/<str:provider>/events", calendars.EventsView.as_view(), name="calendar-events"),
    path("webhooks/endpoints", hooks.EndpointsView.as_view(), name="hook-endpoints"),
    path("webhooks/endpoints/<int:pk>", hooks.EndpointView.as_view(), name="hook-endpoint"),
    path("webhooks/endpoints/<int:pk>/rotate-secret", hooks.RotateView.as_view(), name="rotate-hook-secret"),
    path("webhooks/endpoints/<int:pk>/test", hooks.SendTestView.as_view(), name="test-hook"),
    path("webhooks/deliveries", hooks.DeliveriesView.as_view(), name="hook-deliveries"),
    path("webhooks/deliveries/<int:pk>/resend", hooks.ResendView.as_view(), name="resend-hook"),
    path("webhooks/sample", hooks.SampleView.as_view(), name="hook-sample"),
    path("schema", api_docs.SchemaView.as_view(), name="schema"),
    path("docs", api_docs.DocsView.as_view(url_name="api:schema"), name="docs"),
]
