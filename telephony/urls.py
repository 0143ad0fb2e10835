"""The numbers' pages."""

from django.urls import path

from telephony import views

app_name = "telephony"

urlpatterns = [
    path("", views.numbers_page, name="numbers"),
    path("choose/", views.choose_number, name="choose-number"),
    path("choices/", views.number_choices, name="number-choices"),
    path("holidays/", views.add_holiday, name="add-holiday"),
    path("holidays/remove/", views.remove_holiday, name="remove-holiday"),
]
