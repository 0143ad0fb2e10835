"""What happened on the phone: calls, the events that told of them, what is done after each, and who else is told."""

import uuid
from datetime import timedelta
from decimal import Decimal

from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, TenantModel
from ava.lib import notes
from ava.lib.crypto import EncryptedBytesField, EncryptedTextField
from ava.lib.fulltext import WordsField

LONGEST_HOOK_URL = 1000


class CallStatus(models.TextChoices):
    RINGING = "ringing", _("ringing")
    IN_PROGRESS = "in-progress", _("in progress")
    COMPLETED = "completed", _("completed")
    TRANSFERRED = "transferred", _("transferred")
    VOICEMAIL = "voicemail", _("voicemail")
    MISSED = "missed", _("missed")
    FAILED = "failed", _("failed")


class Direction(models.TextChoices):
    INBOUND = "inbound", _("inbound")
    OUTBOUND = "outbound", _("outbound")
    WEB = "web", _("web")


class Call(TenantModel):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vapi_call_id = models.CharField(max_length=200)
    direction = models.CharField(_("direction"), max_length=10, choices=Direction.choices, default=Direction.INBOUND)
    caller_number = models.CharField(_("caller"), max_length=64, blank=True)
    number = models.CharField(_("number"), max_length=64, blank=True)
    status = models.CharField(_("status"), max_length=20, choices=CallStatus.choices, default=CallStatus.RINGING)
    ended_reason = models.CharField(_("ended because"), max_length=200, blank=True)
    started_at = models.DateTimeField(_("started at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    duration_seconds = models.PositiveIntegerField(_("duration in seconds"), null=True, blank=True)
    summary = models.TextField(_("summary"), blank=True)
    transcript = models.JSONField(_("transcript"), default=list, blank=True)
    cost = models.DecimalField(_("cost"), max_digits=12, decimal_places=6, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default="USD")
    recording_name = models.CharField(max_length=300, blank=True)
    recording_provider = models.CharField(max_length=10, blank=True)
    recording_content_type = models.CharField(max_length=60, blank=True)
    recording_size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(_("first heard of at"), auto_now_add=True)

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        ordering = ["-started_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["organization", "vapi_call_id"], name="call_is_stored_once")]
        indexes = [
            models.Index(fields=["organization", "-started_at", "-id"], name="calls_newest_first"),
            models.Index(fields=["organization", "status", "-started_at", "-id"], name="calls_by_status"),
            models.Index(fields=["organization", "direction", "-started_at", "-id"], name="calls_by_direction"),
            models.Index(fields=["organization", "caller_number", "-started_at", "-id"], name="calls_by_caller"),
            models.Index(fields=["organization", "number", "-started_at", "-id"], name="calls_by_number"),
        ]

    def __str__(self) -> str:
        return f"{self.caller_number or '?'} · {self.started_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        return reverse("calls:detail", args=[self.pk])

    @property
    def has_ended(self) -> bool:
        return self.status not in {CallStatus.RINGING, CallStatus.IN_PROGRESS}

    @property
    def duration(self) -> timedelta | None:
        """How long the call lasted."""
        return None if self.duration_seconds is None else timedelta(seconds=self.duration_seconds)

    @property
    def cost_rounded(self) -> Decimal | None:
        """The cost as people read it, to a tenth of a cent."""
        return None if self.cost is None else self.cost.quantize(Decimal("0.001"))


class SearchEntry(models.Model):
    """What a call is found by (`calls/words.py` makes it). Each word carries its tenant, so no other's is ever met.

    The time is kept here too, on purpose without an index: matches are sorted among themselves, and no plan is
    tempted to walk through all of a tenant's calls in search of a rare word.
    """

    call = models.OneToOneField(Call, models.CASCADE, primary_key=True, related_name="search_entry")
    started_at = models.DateTimeField()
    words = WordsField()

    def __str__(self) -> str:
        return str(self.pk)


class EventState(models.TextChoices):
    RECEIVED = "received", _("received")
    PROCESSED = "processed", _("processed")
    UNMATCHED = "unmatched", _("no tenant found")
    INVALID = "invalid", _("not understood")
    FAILED = "failed", _("gave up")


class WebhookEvent(models.Model):
    """A delivery, kept as it arrived (encrypted) and as people may see it (redacted).

    `digest` makes a repeat a no-op: it stands for the tenant and the exact bytes.
    """

    organization = models.ForeignKey(
        Organization,
        models.CASCADE,
        null=True,
        blank=True,
        db_index=False,  # the index on organization and call id serves
        related_name="webhook_events",
        verbose_name=_("organization"),
    )
    digest = models.CharField(max_length=64)
    body = EncryptedBytesField(null=True)
    received_at = models.DateTimeField(_("received at"))
    state = models.CharField(_("state"), max_length=10, choices=EventState.choices, default=EventState.RECEIVED)
    kind = models.CharField(_("kind"), max_length=60, blank=True)
    vapi_call_id = models.CharField(_("Vapi's call id"), max_length=200, blank=True)
    payload = models.JSONField(_("payload"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due at"))
    processed_at = models.DateTimeField(_("processed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook inbox")
        ordering = ["-id"]
        # Not `unique=True`: Django would add a second index, for LIKE, that every delivery pays for.
        constraints = [models.UniqueConstraint(fields=["digest"], name="event_is_stored_once")]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="received"), name="events_to_process"),
            models.Index(fields=["organization", "vapi_call_id"], name="events_of_a_call"),
        ]

    def __str__(self) -> str:
        return f"{self.kind or '?'} · {self.received_at:%Y-%m-%d %H:%M:%S}"


class StepKind(models.TextChoices):
    RECORDING = "recording", _("Recording")
    SUMMARY = "summary", _("Summary")
    EMAIL = "email", _("E-mail")
    PUSH = "push", _("Push notification")


class StepState(models.TextChoices):
    PENDING = "pending", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    SKIPPED = "skipped", _("nothing to do")
    FAILED = "failed", _("gave up")


class ProcessingStep(models.Model):
    """One thing done after a call. Steps never wait for one another; each has its own tries.

    The row is the queue: a task only carries its id, and whoever claims the row (see `processing.claim`) does the work.
    """

    call = models.ForeignKey(Call, models.CASCADE, related_name="steps")
    kind = models.CharField(_("part"), max_length=10, choices=StepKind.choices)
    state = models.CharField(_("state"), max_length=10, choices=StepState.choices, default=StepState.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due at"))
    claimed_by = models.CharField(max_length=64, blank=True)
    note = models.CharField(_("what happened"), max_length=500, blank=True)
    details = models.JSONField(default=dict, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("processing step")
        verbose_name_plural = _("processing steps")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["call", "kind"], name="step_exists_once_per_call")]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state__in=["pending", "running"]), name="steps_to_do")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.get_state_display()}"

    @property
    def what_happened(self) -> str:
        """The note in the reader's language."""
        return notes.in_words(self.note)


class HookType(models.TextChoices):
    """What a tenant's own systems can be told of, in the spelling of Standard Webhooks."""

    COMPLETED = "call.completed", _("Call answered")
    TRANSFERRED = "call.transferred", _("Call transferred")
    VOICEMAIL = "call.voicemail", _("Message left on voicemail")
    MISSED = "call.missed", _("Call missed")
    FAILED = "call.failed", _("Call failed")
    PING = "ping", _("Test event")


class DisabledReason(models.TextChoices):
    BY_HAND = "by_hand", _("switched off")
    GONE = "gone", _("the receiver says that it is gone (410)")
    FAILING = "failing", _("it has not worked for a long time")


class HookEndpoint(TenantModel):
    """An address of the tenant's own that is told of calls. https://www.standardwebhooks.com

    Nobody but the sender needs the secrets: read the rows with `endpoints.of()`, which leaves them in the database.
    """

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="hook_endpoints", verbose_name=_("organization")
    )
    url = models.CharField(_("address"), max_length=LONGEST_HOOK_URL)
    description = models.CharField(_("description"), max_length=200, blank=True)
    types = models.JSONField(_("events"), default=list, blank=True)  # none chosen: all of them
    secret = EncryptedTextField()
    previous_secret = EncryptedTextField(null=True, blank=True)
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    header_name = models.CharField(_("header"), max_length=100, blank=True)
    header_value = EncryptedTextField(null=True, blank=True)
    is_enabled = models.BooleanField(_("on"), default=True)
    disabled_reason = models.CharField(_("off because"), max_length=10, choices=DisabledReason.choices, blank=True)
    disabled_at = models.DateTimeField(_("off since"), null=True, blank=True)
    # Since when nothing has arrived, and how many messages in a row were given up.
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    given_up_count = models.PositiveIntegerField(_("given up in a row"), default=0)
    mail_due_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook receiver")
        verbose_name_plural = _("webhook receivers")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.host

    @property
    def host(self) -> str:
        """The part of the address that opens nothing."""
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def type_labels(self) -> list[str]:
        """The chosen events in words; none when all are sent."""
        return [str(HookType(name).label) for name in self.types if name in HookType.values]

    def wants(self, name: str) -> bool:
        """Whether events of this type are sent here; a test is sent wherever it is asked for."""
        return self.is_enabled and (not self.types or name in self.types or name == HookType.PING)


def new_message_id() -> str:
    """The receiver's key for doing things once. No dots: the signed text is taken apart at them."""
    return f"msg_{uuid.uuid4().hex}"


class HookMessage(TenantModel):
    """One event of one organization, as the very text that is signed and sent."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="hook_messages")
    call = models.ForeignKey(Call, models.CASCADE, null=True, blank=True, related_name="hook_messages")
    public_id = models.CharField(max_length=40, unique=True, default=new_message_id)
    type = models.CharField(_("event"), max_length=40, choices=HookType.choices)
    body = models.TextField()
    created_at = models.DateTimeField(_("created at"), default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("webhook message")
        verbose_name_plural = _("webhook messages")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["call", "type"], name="call_is_announced_once")]

    def __str__(self) -> str:
        return f"{self.type} · {self.public_id}"


class DeliveryState(models.TextChoices):
    PENDING = "pending", _("waiting")
    RUNNING = "running", _("running")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("gave up")


class HookDelivery(TenantModel):
    """One message for one receiver. The row is the queue, as for the parts of a call (see `hooks.delivery.claim`)."""

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="hook_deliveries", verbose_name=_("organization")
    )
    endpoint = models.ForeignKey(
        HookEndpoint, models.CASCADE, related_name="deliveries", verbose_name=_("webhook receiver")
    )
    message = models.ForeignKey(
        HookMessage, models.CASCADE, related_name="deliveries", verbose_name=_("webhook message")
    )
    state = models.CharField(_("state"), max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due at"), default=timezone.now)
    claimed_by = models.CharField(max_length=64, blank=True)
    status_code = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    answer = models.CharField(_("answer"), max_length=500, blank=True)
    error = models.CharField(_("what happened"), max_length=200, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["endpoint", "message"], name="delivery_exists_once")]
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(state__in=["pending", "running"]), name="deliveries_to_do"
            ),
            models.Index(fields=["organization", "-id"], name="deliveries_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} · {self.get_state_display()}"
