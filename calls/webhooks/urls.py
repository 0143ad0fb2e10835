"""What providers call; mounted at /webhooks/ by WebhookMiddleware. Configured with the final slash, or without."""

from django.urls import path, re_path

from calls.webhooks import vapi

urlpatterns = [
    re_path(r"^vapi/call-completed/?$", vapi.shared),
    path("vapi/<slug:token>/", vapi.tenant),
    path("vapi/<slug:token>", vapi.tenant),
]
