"""The studio's pages."""

app_name = "assistants"

urlpatterns: list = []
