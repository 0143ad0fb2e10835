"""Every route of the REST API on one page: under /api/v1/, and under /api/ for the first clients."""

from django.urls import path

from accounts.api import devices, keys, organizations
from ava import api_docs

urlpatterns = [
    path("organizations", organizations.OrganizationsView.as_view(), name="organizations"),
    path("vapi-settings", keys.VapiSettingsView.as_view(), name="vapi-settings"),
    path("vapi/settings", keys.VapiSettingsView.as_view(), name="vapi-settings-alias"),
    path("twilio-settings", keys.TwilioSettingsView.as_view(), name="twilio-settings"),
    path("devices", devices.DevicesView.as_view(), name="devices"),
    path("devices/<int:pk>", devices.DeviceView.as_view(), name="device"),
    path("schema", api_docs.SchemaView.as_view(), name="schema"),
    path("docs", api_docs.DocsView.as_view(url_name="api:schema"), name="docs"),
]
