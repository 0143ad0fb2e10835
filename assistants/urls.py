"""The studio's pages."""

from django.urls import path

from assistants import views

app_name = "assistants"

urlpatterns = [
    path("", views.studio_page, name="studio"),
    path("preview/", views.preview, name="preview"),
    path("sync/", views.send_to_vapi, name="sync"),
    path("history/", views.versions, name="history"),
    path("restore/", views.restore, name="restore"),
]
