"""The operator's pages on people."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, User
from ava.lib import timezones
from ava.lib.admin import ConsoleAdmin, ReadOnlyInline


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email", "full_name")

    def clean_email(self) -> str:
        """People sign in with any spelling, so the address is kept in lower case."""
        email = self.cleaned_data["email"].lower()
        if User.objects.filter(email__iexact=email).exists():
            raise ValidationError(_("Somebody uses this address already."))
        return email


class UserForm(UserChangeForm):
    def clean_timezone(self) -> str:
        name = self.cleaned_data["timezone"]
        if name not in timezones.names():
            raise ValidationError(_("There is no such time zone. Enter one such as Europe/Paris."))
        return name


class UserMembershipInline(ReadOnlyInline):
    model = Membership
    fields = ("organization", "role", "created_at")


@admin.register(User)
class UserAdmin(ConsoleAdmin, auth_admin.UserAdmin):
    form = UserForm
    add_form = NewUserForm
    list_display = ("email", "full_name", "locale", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff", "locale", "date_joined")
    search_fields = ("email", "full_name")
    ordering = ("-date_joined",)
    inlines = (UserMembershipInline,)
    fieldsets = (
        (None, {"fields": ("email", "password", "full_name", "locale", "timezone", "marketing_opt_in")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        (_("History"), {"fields": ("terms_accepted_at", "terms_version", "last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "full_name", "usable_password", "password1", "password2")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """An address is proven, so it is changed by its person; rights are given by those who have them all."""
        history = ("terms_accepted_at", "terms_version", "last_login", "date_joined")
        rights = () if request.user.is_superuser else ("is_staff", "is_superuser", "groups", "user_permissions")
        return (*history, *rights, "email") if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not is_above and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People are made inactive: their organizations would be left without an owner."""
        return False

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()
