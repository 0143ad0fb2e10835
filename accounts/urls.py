"""The settings' pages that have an address of their own."""

from django.urls import path

from accounts import views

urlpatterns = [path("invitation/<str:token>/", views.invitation, name="invitation")]
