"""The operator's view of the wizard: who is where, and the funnel."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from accounts.admin.organizations import OrganizationAdmin
from ava.lib.admin import ReadOnlyAdmin, ReadOnlyInline
from onboarding import funnel
from onboarding.models import Onboarding


@admin.register(Onboarding)
class OnboardingAdmin(ReadOnlyAdmin):
    """The list begins with the funnel."""

    change_list_template = "admin/onboarding/onboarding/change_list.html"
    list_display = ("organization", "step", "started_at", "completed_at", "steps_skipped")
    list_filter = ("step", "completed_at", "vapi_skipped", "twilio_skipped")
    list_select_related = ("organization",)
    search_fields = ("organization__name",)
    ordering = ("-started_at",)
    fields = (
        "organization",
        "step",
        "started_at",
        "completed_at",
        "vapi_skipped",
        "twilio_skipped",
        "assistant_created",
        "number_strategy",
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "stages": funnel.stages()})


class OnboardingInline(ReadOnlyInline):
    model = Onboarding
    fields = ("step", "started_at", "completed_at", "assistant_created")


@admin.display(description=Onboarding._meta.get_field("completed_at").verbose_name)
def launched_at(organization: Any) -> Any:
    """When the organization launched Ava."""
    onboarding = getattr(organization, "onboarding", None)
    return onboarding.completed_at if onboarding else None


OrganizationAdmin.extend(inline=OnboardingInline, column=launched_at, prefetch="onboarding")
