"""The nine steps."""

app_name = "onboarding"

urlpatterns: list = []
