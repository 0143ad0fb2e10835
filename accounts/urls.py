"""The settings' pages that have an address of their own."""

urlpatterns: list = []
