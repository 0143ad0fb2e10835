"""The operator's page on files that closed accounts left in the storage and that could not be deleted yet."""

from django.contrib import admin

from accounts.models import FileToDelete
from ava.lib.admin import ReadOnlyAdmin


@admin.register(FileToDelete)
class FileToDeleteAdmin(ReadOnlyAdmin):
    """They come by closing an account and go with their file; until then the row is all that knows of it."""

    list_display = ("name", "provider", "attempts", "problem", "due_at")
    list_filter = ("provider",)
    ordering = ("due_at",)
    fields = list_display
