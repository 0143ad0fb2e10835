"""The operator's pool of numbers: who has which, since when, and taking one back."""

from typing import Any, cast

import phonenumbers
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import credentials
from accounts.admin import OrganizationAdmin
from accounts.models import Organization
from ava.clients.errors import ProviderError
from ava.lib.admin import ConsoleAdmin, ReadOnlyInline
from ava.lib.phones import country_of, is_e164, normalize
from telephony import pool, routing
from telephony.models import PoolNumber, TenantNumber

LENDING = ("organization", "assigned_at", "quarantined_until")


class PoolNumberForm(forms.ModelForm):
    number = forms.CharField(label=_("Number"), max_length=40, help_text=_("With its country code."))
    country = forms.CharField(
        label=_("Country"), max_length=2, required=False, help_text=_("Two letters. Empty: as the number says.")
    )

    def clean_number(self) -> str:
        number = normalize(self.cleaned_data["number"])
        if not is_e164(number):
            raise ValidationError(_("Enter the number with its country code, such as +33 1 99 00 12 34."))
        return number

    def clean_currency(self) -> str:
        currency = self.cleaned_data["currency"].upper()
        if len(currency) != 3 or not currency.isalpha():
            raise ValidationError(_("A currency has three letters, such as USD."))
        return currency

    def clean_country(self) -> str:
        country = self.cleaned_data["country"].upper()
        if country and country not in phonenumbers.SUPPORTED_REGIONS:
            raise ValidationError(_("Enter the country's two letters, such as FR."))
        return country

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("country") == "":
            cleaned["country"] = country_of(cleaned.get("number") or self.instance.number)
            if not cleaned["country"] and "number" not in self.errors:
                self.add_error("country", _("The number does not say its country: enter it."))
        return cleaned


class UseFilter(admin.SimpleListFilter):
    title = _("use")
    parameter_name = "use"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("free", _("free")), ("lent", _("lent")), ("quarantine", _("in quarantine"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PoolNumber]) -> QuerySet[PoolNumber]:
        if self.value() == "lent":
            return queryset.filter(organization__isnull=False)
        if self.value() == "quarantine":
            return queryset.filter(organization__isnull=True, quarantined_until__isnull=False)
        if self.value() == "free":
            return queryset.filter(organization__isnull=True, quarantined_until__isnull=True)
        return queryset


@admin.register(PoolNumber)
class PoolNumberAdmin(ConsoleAdmin):
    form = PoolNumberForm
    list_display = ("number", "country", "state", "cost", "organization", "assigned_at", "quarantined_until")
    list_filter = (UseFilter, "country", "assigned_at")
    list_select_related = ("organization",)
    search_fields = ("number", "state", "organization__name")
    fields = ("number", "country", "state", "monthly_cost", "currency", *LENDING)
    actions = ("take_back",)

    @admin.display(description=_("monthly cost"), ordering="monthly_cost")
    def cost(self, number: PoolNumber) -> str:
        return f"{number.monthly_cost} {number.currency}"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Lending is the pool's business; a number that somebody answers on stays what it is."""
        return (*LENDING, "number") if obj and obj.organization_id else LENDING

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_lent = obj is not None and obj.organization_id is not None
        return not is_lent and super().has_delete_permission(request, obj)

    @admin.action(description=_("Take back (quarantine)"), permissions=["change"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[PoolNumber]) -> None:
        """Each number on its own, so that one provider's refusal does not keep the others."""
        numbers = list(queryset.select_related("organization"))
        lent = [number for number in numbers if number.organization_id is not None]
        taken = sum(self._take_one_back(request, number) for number in lent)
        if taken:
            text = ngettext("%(count)s number is in quarantine.", "%(count)s numbers are in quarantine.", taken)
            messages.success(request, text % {"count": taken})
        if not_lent := len(numbers) - len(lent):
            text = ngettext("%(count)s number was not lent.", "%(count)s numbers were not lent.", not_lent)
            messages.warning(request, text % {"count": not_lent})

    def _take_one_back(self, request: HttpRequest, number: PoolNumber) -> bool:
        """False, and said why, when a provider did not let go of it: it must not ring at its old assistant."""
        organization = cast(Organization, number.organization)
        try:
            for attached in TenantNumber.objects.for_organization(organization).filter(number=number.number):
                routing.detach(attached)
        except (ProviderError, credentials.MissingCredential) as error:
            messages.error(request, f"{number}: {credentials.explain(error)}")
            return False
        pool.release_number(organization=organization)
        self.log_change(request, number, gettext("Taken back from %(name)s.") % {"name": organization})
        return True


class NumberInline(ReadOnlyInline):
    model = TenantNumber
    fields = ("number", "source", "is_routed", "attached_at")

    @admin.display(description=_("leads to the assistant"), boolean=True)
    def is_routed(self, number: TenantNumber) -> bool:
        return bool(number.routed_to)


@admin.display(description=_("number"))
def numbers_of(organization: Organization) -> str:
    """The column in the list of organizations."""
    return ", ".join(number.number for number in organization.numbers.all())


OrganizationAdmin.extend(inline=NumberInline, column=numbers_of, prefetch="numbers", search=["numbers__number"])
