"""The operator's view of calls: what arrived, what became of it, and doing it again."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ava.lib import notes
from ava.lib.admin import ReadOnlyAdmin, ReadOnlyInline
from calls import inbox, processing
from calls.hooks import delivery, endpoints
from calls.models import Call, HookDelivery, HookEndpoint, ProcessingStep, StepState, WebhookEvent

SHORT = 80


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    """Only the redacted copy is shown; the raw body is never even loaded."""

    deferred = ("payload",)
    list_display = ("received_at", "state", "kind", "organization", "vapi_call_id", "attempts", "short_error")
    list_filter = ("state", "kind", "received_at")
    list_select_related = ("organization",)
    search_fields = ("vapi_call_id", "organization__name")
    fields = (
        "state",
        "what_happened",
        "kind",
        "organization",
        "vapi_call_id",
        "received_at",
        "processed_at",
        "attempts",
        "due_at",
        "redacted_payload",
    )
    actions = ("replay",)

    @admin.display(description=_("error"))
    def short_error(self, event: WebhookEvent) -> str:
        return Truncator(self.what_happened(event)).chars(SHORT)

    @admin.display(description=_("error"))
    def what_happened(self, event: WebhookEvent) -> str:
        return notes.in_words(event.error)

    @admin.display(description=_("payload, redacted"))
    def redacted_payload(self, event: WebhookEvent) -> SafeString | str:
        if event.payload is None:
            return gettext("Not read yet.")
        return format_html("<pre>{}</pre>", json.dumps(event.payload, indent=2, ensure_ascii=False))

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("calls.change_webhookevent")

    @admin.action(description=_("Replay"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> None:
        """Events are processed again in the order they came in, if their raw body is still there."""
        chosen = queryset.count()
        replayable = list(queryset.filter(body__isnull=False).order_by("pk"))
        for event in replayable:
            inbox.replay(event)
            self.log_change(request, event, gettext("Replayed."))
        if replayable:
            text = ngettext("%(count)s event is replayed.", "%(count)s events are replayed.", len(replayable))
            messages.success(request, text % {"count": len(replayable)})
        if left := chosen - len(replayable):
            text = ngettext(
                "%(count)s event cannot be replayed: its raw body is gone.",
                "%(count)s events cannot be replayed: their raw bodies are gone.",
                left,
            )
            messages.warning(request, text % {"count": left})


class StepInline(ReadOnlyInline):
    model = ProcessingStep
    fields = ("kind", "state", "attempts", "due_at", "what_happened", "finished_at")
    show_change_link = True

    @admin.display(description=_("what happened"))
    def what_happened(self, step: ProcessingStep) -> str:
        return step.what_happened


@admin.register(Call)
class CallAdmin(ReadOnlyAdmin):
    deferred = ("transcript", "summary")
    view_on_site = False  # that page is the tenant's
    list_display = (
        "started_at",
        "organization",
        "caller_number",
        "number",
        "direction",
        "status",
        "duration",
        "cost_rounded",
    )
    list_filter = ("status", "direction", "started_at")
    list_select_related = ("organization",)
    search_fields = ("caller_number", "number", "vapi_call_id", "organization__name")
    inlines = (StepInline,)
    fieldsets = (
        (None, {"fields": ("organization", "direction", "caller_number", "number", "status", "ended_reason")}),
        (_("When"), {"fields": ("started_at", "ended_at", "duration", "created_at")}),
        (_("Costs and traces"), {"fields": ("cost", "currency", "call_id", "recording")}),
        (_("What was said"), {"fields": ("summary", "conversation")}),
    )

    @admin.display(description=_("duration"), ordering="duration_seconds")
    def duration(self, call: Call) -> Any:
        return call.duration

    @admin.display(description=_("cost"), ordering="cost")
    def cost_rounded(self, call: Call) -> str:
        return "" if call.cost is None else f"{call.cost_rounded} {call.currency}"

    @admin.display(description=_("Vapi's call id"))
    def call_id(self, call: Call) -> str:
        return call.vapi_call_id

    @admin.display(description=_("recording"))
    def recording(self, call: Call) -> str:
        """Where it lies, not a link: recordings are for their tenant."""
        return f"{call.recording_provider}: {call.recording_name}" if call.recording_name else ""

    @admin.display(description=_("transcript"))
    def conversation(self, call: Call) -> SafeString:
        speakers = {"assistant": gettext("Assistant"), "user": gettext("Caller")}
        lines = ((speakers.get(line.get("role"), "?"), line.get("text", "")) for line in call.transcript)
        return format_html_join("", "<p>{}: {}</p>", lines)


@admin.register(ProcessingStep)
class ProcessingStepAdmin(ReadOnlyAdmin):
    list_display = ("kind", "state", "call", "organization", "attempts", "due_at", "short_note", "finished_at")
    list_filter = ("state", "kind", "due_at")
    list_select_related = ("call__organization",)
    search_fields = ("call__vapi_call_id", "call__caller_number", "call__organization__name")
    ordering = ("-id",)
    # The call's heavy columns, which a list of steps does not show.
    deferred = ("call__transcript", "call__summary")
    fields = ("call", "organization", "kind", "state", "attempts", "due_at", "what_happened", "finished_at")
    actions = ("run_again",)

    @admin.display(description=_("organization"), ordering="call__organization__name")
    def organization(self, step: ProcessingStep) -> Any:
        return step.call.organization

    @admin.display(description=_("what happened"))
    def short_note(self, step: ProcessingStep) -> str:
        return Truncator(step.what_happened).chars(SHORT)

    @admin.display(description=_("what happened"))
    def what_happened(self, step: ProcessingStep) -> str:
        return step.what_happened

    def has_run_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("calls.change_processingstep")

    @admin.action(description=_("Run again"), permissions=["run_again"])
    def run_again(self, request: HttpRequest, queryset: QuerySet[ProcessingStep]) -> None:
        """The rows are locked meanwhile, so that no worker begins one of them that is put back here."""
        chosen = [step.pk for step in queryset]
        with transaction.atomic():
            steps = ProcessingStep.objects.select_for_update().filter(pk__in=chosen).exclude(state=StepState.RUNNING)
            again = list(steps.order_by("pk"))
            for step in again:
                processing.run_again(step)
                self.log_change(request, step, gettext("Run again."))
        if again:
            text = ngettext("%(count)s step is run again.", "%(count)s steps are run again.", len(again))
            messages.success(request, text % {"count": len(again)})
        if running := len(chosen) - len(again):
            text = ngettext("%(count)s step is running just now.", "%(count)s steps are running just now.", running)
            messages.warning(request, text % {"count": running})


@admin.register(HookEndpoint)
class HookEndpointAdmin(ReadOnlyAdmin):
    """Hosts only: the rest of an address may be as good as a key."""

    view_on_site = False
    list_display = ("host", "organization", "is_enabled", "disabled_reason", "failing_since", "created_at")
    list_filter = ("is_enabled", "disabled_reason")
    list_select_related = ("organization",)
    search_fields = ("organization__name",)
    fields = (
        "host",
        "organization",
        "chosen_types",
        "header_name",
        "is_enabled",
        "disabled_reason",
        "disabled_at",
        "failing_since",
        "given_up_count",
        "created_at",
    )

    @admin.display(description=_("host"))
    def host(self, endpoint: HookEndpoint) -> str:
        return endpoint.host

    @admin.display(description=_("events"))
    def chosen_types(self, endpoint: HookEndpoint) -> str:
        return ", ".join(endpoint.types) or gettext("all")


@admin.register(HookDelivery)
class HookDeliveryAdmin(ReadOnlyAdmin):
    """What was sent and how it went; not what stood in it, nor what its receiver said: both are the tenant's."""

    list_display = (
        "id",
        "type",
        "endpoint",
        "organization",
        "state",
        "attempts",
        "status_code",
        "what_happened",
        "due_at",
    )
    list_filter = ("state", "message__type", "due_at")
    search_fields = ("organization__name", "message__public_id")
    fields = (
        "public_id",
        "type",
        "endpoint",
        "organization",
        "state",
        "attempts",
        "status_code",
        "what_happened",
        "due_at",
        "delivered_at",
    )
    deferred = ("answer", "message__body", *(f"endpoint__{name}" for name in endpoints.SECRETS))
    actions = ("send_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[HookDelivery]:
        """With its neighbours at once: fetched one by one, a receiver would bring its secrets along."""
        return super().get_queryset(request).select_related("endpoint", "message", "organization")

    @admin.display(description=_("message"))
    def public_id(self, row: HookDelivery) -> str:
        return row.message.public_id

    @admin.display(description=_("event"))
    def type(self, row: HookDelivery) -> str:
        return row.message.get_type_display()

    @admin.display(description=_("what happened"))
    def what_happened(self, row: HookDelivery) -> str:
        return notes.in_words(row.error)

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("calls.change_hookdelivery")

    @admin.action(description=_("Send again"), permissions=["send_again"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[HookDelivery]) -> None:
        """Each on its own: one whose receiver is switched off does not keep the others."""
        again = 0
        for row in queryset.order_by("pk"):
            try:
                delivery.resend(row)
            except endpoints.NotPossible as problem:
                messages.warning(request, f"{row.message.public_id}: {problem}")
            else:
                self.log_change(request, row, gettext("Sent again."))
                again += 1
        if again:
            text = ngettext("%(count)s event is sent again.", "%(count)s events are sent again.", again)
            messages.success(request, text % {"count": again})
