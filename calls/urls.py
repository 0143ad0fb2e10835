"""The pages of a tenant's calls."""

from django.urls import path

from calls import listening, views

app_name = "calls"

urlpatterns = [
    path("", views.call_list, name="list"),
    path("export.csv", views.export, name="export"),
    path("forwarding-test/", listening.listen, name="forwarding-test"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/recording/", views.recording, name="recording"),
    path("ringing/<slug:vapi_call_id>/", views.ringing, name="ringing"),
]
