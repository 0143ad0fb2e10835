"""What the operator's pages share: every tenant's rows, never a secret, and no write that was not meant."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.utils import flatten_fieldsets
from django.db import models
from django.forms.models import BaseInlineFormSet, InlineForeignKeyField
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ava.lib.crypto import encrypted_fields


class WithoutSecrets(BaseModelAdmin):
    """Rows of every tenant; the encrypted columns stay in the database, as do those in `deferred`."""

    deferred: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        manager: Any = self.model._default_manager
        rows = manager.unscoped() if hasattr(manager, "unscoped") else manager.get_queryset()
        if ordering := self.get_ordering(request):
            rows = rows.order_by(*ordering)
        unloaded = [*(field.name for field in encrypted_fields(self.model)), *self.deferred]
        rows = rows.defer(*unloaded) if unloaded else rows
        return rows if self.has_view_or_change_permission(request) else rows.none()


class ReadOnly(BaseModelAdmin):
    """To be looked at only."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return flatten_fieldsets(self.get_fieldsets(request, obj))


class ConsoleAdmin(WithoutSecrets, admin.ModelAdmin):
    """A page of the operator's console."""

    show_full_result_count = False

    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Write what was changed in the form and nothing else: the row may have moved on since it was opened."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        columns = {field.name for field in obj._meta.concrete_fields}
        obj.save(update_fields=columns.intersection(form.changed_data))


class ReadOnlyAdmin(ReadOnly, ConsoleAdmin):
    """A page of the console to be looked at only. `fields` must be given, or every column would be shown."""


class RowsToLookAt(BaseInlineFormSet):
    """Django would offer every row of the default manager as the hidden key's choices, and a tenant's rows refuse that.

    Nothing is chosen here, so the key is plain text.
    """

    def add_fields(self, form: forms.ModelForm, index: int | None) -> None:
        self._pk_field = self.model._meta.pk
        form.fields[self._pk_field.name] = forms.CharField(
            initial=form.instance.pk, required=False, widget=forms.HiddenInput
        )
        form.fields[self.fk.name] = InlineForeignKeyField(self.instance, required=False)


class ReadOnlyInline(ReadOnly, WithoutSecrets, admin.TabularInline):
    """Rows inside another's page, to be looked at only. `fields` must be given, or every column would be shown."""

    formset = RowsToLookAt
    extra = 0
    can_delete = False


class PreviewInline(ReadOnlyInline):
    """A key, of which nothing but its row's `preview` is ever shown."""

    @admin.display(description=_("preview"))
    def preview(self, row: Any) -> str:
        return row.preview
