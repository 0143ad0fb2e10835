"""The studio's pages."""

from django.urls import path

from assistants import calendar_views, views

app_name = "assistants"

urlpatterns = [
    path("", views.studio_page, name="studio"),
    path("preview/", views.preview, name="preview"),
    path("sync/", views.send_to_vapi, name="sync"),
    path("history/", views.versions, name="history"),
    path("calendars/<str:provider>/connect/", calendar_views.connect, name="connect-calendar"),
    path("calendars/<str:provider>/disconnect/", calendar_views.disconnect, name="disconnect-calendar"),
    path("restore/", views.restore, name="restore"),
]
