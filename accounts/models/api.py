"""What the REST API remembers between requests: how many came lately, and what repeated ones were answered."""

from django.db import models

from accounts.models.users import User
from ava.lib.crypto import EncryptedTextField


class RequestCount(models.Model):
    """How many requests one person, or one organization, made in the current minute."""

    key = models.CharField(max_length=40, primary_key=True)
    minute = models.BigIntegerField()
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.key} · {self.count}"


class RepeatableRequest(models.Model):
    """A request under its sender's own key. Until it is answered `status` is empty; then a repeat gets the answer."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    scope = models.CharField(max_length=300)
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    answer = EncryptedTextField(default="")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "scope", "key"], name="repeatable_request_is_unique")]

    def __str__(self) -> str:
        return f"{self.scope} · {self.status or '…'}"
