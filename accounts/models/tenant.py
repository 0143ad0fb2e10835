"""What every row of a tenant has: its organization, and a manager that refuses to forget it."""

from typing import Any, TypeVar

from django.db import models

Row = TypeVar("Row", bound=models.Model)


class TenantRequired(RuntimeError):
    """A tenant's rows were asked for without saying whose."""


class TenantManager(models.Manager[Row]):
    """Fails closed: `Call.objects.all()` raises; `organization.calls` and `for_organization()` work."""

    def get_queryset(self) -> models.QuerySet[Row]:
        if not hasattr(self, "core_filters"):  # a related manager is already bound to one row
            raise TenantRequired(f"{self.model.__name__}.objects needs for_organization().")
        return super().get_queryset()

    def for_organization(self, organization: Any) -> models.QuerySet[Row]:
        """The rows of one organization (the row or its id)."""
        return super().get_queryset().filter(organization=organization)

    def unscoped(self) -> models.QuerySet[Row]:
        """Every tenant's rows: for the operator's console, the sweeper and tasks that hold a row's id."""
        return super().get_queryset()


class TenantModel(models.Model):
    """A row that one organization owns and that goes when the organization goes."""

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="%(class)ss")

    objects = TenantManager()

    class Meta:
        abstract = True
