"""The operator's pages on organizations; a tenant's keys are previews only."""

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.formats import localize
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Organization
from accounts.models.credentials import TwilioCredential, VapiCredential, WebhookEndpoint
from accounts.models.organizations import Role
from ava.lib.admin import ConsoleAdmin, PreviewInline, ReadOnlyInline


class MembershipFormSet(BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        roles = [form.cleaned_data.get("role") for form in self.forms if hasattr(form, "cleaned_data")]
        if roles and Role.OWNER not in roles:
            raise ValidationError(_("An organization needs an owner."))


class MembershipInline(admin.TabularInline):
    model = Membership
    formset = MembershipFormSet
    fields = ("user", "role", "created_at")
    readonly_fields = ("user", "created_at")
    can_delete = False
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("user").order_by("pk")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People come by invitation."""
        return False


class VapiKeyInline(PreviewInline):
    model = VapiCredential
    fields = ("preview", "region", "status", "checked_at", "updated_at")


class TwilioAccountInline(PreviewInline):
    model = TwilioCredential
    fields = ("preview", "phone_number", "status", "checked_at", "updated_at")


class WebhookEndpointInline(ReadOnlyInline):
    model = WebhookEndpoint
    deferred = ("token",)
    fields = ("is_known_to_vapi", "old_secret_until")

    @admin.display(description=_("Vapi has its secret"), boolean=True)
    def is_known_to_vapi(self, endpoint: WebhookEndpoint) -> bool:
        return bool(endpoint.vapi_credential_id)

    @admin.display(description=_("old secret valid until"))
    def old_secret_until(self, endpoint: WebhookEndpoint) -> Any:
        return localize(endpoint.previous_secret_until)


@admin.register(Organization)
class OrganizationAdmin(ConsoleAdmin):
    """Apps above this one add what they know of an organization with `extend`."""

    list_display: list[Any] = ["name", "plan", "country", "member_count", "created_at"]
    list_filter: ClassVar[list[Any]] = ["plan", "country", "created_at"]
    search_fields: ClassVar[list[str]] = ["name", "memberships__user__email"]
    inlines: ClassVar[list[Any]] = [MembershipInline, VapiKeyInline, TwilioAccountInline, WebhookEndpointInline]
    ordering = ("-created_at",)
    fields = ("name", "industry", "company_size", "profession", "country", "plan", "seats", "created_at")
    readonly_fields = ("created_at",)
    prefetched: ClassVar[list[str]] = []
    actions: list[Any] = []

    @classmethod
    def extend(
        cls, *, inline: type, column: Any, prefetch: str, filters: Any = (), search: Any = (), actions: Any = ()
    ) -> None:
        """Show rows of another app: `inline` in the page, `column` in the list, read through `prefetch`."""
        cls.actions.extend(actions)
        cls.inlines.append(inline)
        cls.list_display.insert(-1, column)
        cls.prefetched.append(prefetch)
        cls.list_filter.extend(filters)
        cls.search_fields.extend(search)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        rows = super().get_queryset(request).annotate(members_in_all=Count("memberships", distinct=True))
        return rows.prefetch_related(*self.prefetched)

    @admin.display(description=_("members"), ordering="members_in_all")
    def member_count(self, organization: Any) -> int:
        return organization.members_in_all

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Organizations come by signing up."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Its number would go on ringing at Vapi, and go back to the pool without a quarantine."""
        return False
