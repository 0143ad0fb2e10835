"""The numbers' pages."""

app_name = "telephony"

urlpatterns: list = []
