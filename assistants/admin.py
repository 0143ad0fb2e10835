"""The operator's global prompts, and what each organization's assistant is up to."""

import difflib
import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import OrganizationAdmin
from accounts.models import Organization
from assistants import activation, prompts
from assistants.models import CalendarConnection, GlobalPrompt, Persona, Studio
from ava.lib.admin import ConsoleAdmin, PreviewInline, ReadOnlyInline

_PLACEHOLDER = re.compile(r"\[([A-Z][A-Z0-9_]*)\]")
_MOST_TRIES = 20


def known_placeholders() -> list[str]:
    """Every placeholder that is filled, asked of those who fill them with an organization that is nobody's."""
    nobody = Studio(organization=Organization(pk=0))
    return list(prompts.placeholders(nobody))


def add_version(prompt: GlobalPrompt) -> None:
    """Save the prompt as the next version for its persona, also when others do the same at this moment."""
    for tries_left in reversed(range(_MOST_TRIES)):
        latest = GlobalPrompt.objects.filter(persona=prompt.persona).aggregate(version=Max("version"))["version"]
        prompt.version = (latest or 0) + 1
        try:
            with transaction.atomic():
                prompt.save(force_insert=True)
        except IntegrityError:
            if not tries_left:
                raise
        else:
            return


class GlobalPromptForm(forms.ModelForm):
    class Meta:
        model = GlobalPrompt
        fields = ("persona", "text")
        widgets = {"text": forms.Textarea(attrs={"rows": 20, "cols": 100})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.fields:  # there are none where a version is only read
            self.fields["persona"].choices = [("", _("All personas")), *Persona.choices]  # type: ignore[attr-defined]
            listed = ", ".join(f"[{name}]" for name in known_placeholders())
            self.fields["text"].help_text = format_lazy(
                _("Filled for each organization: {listed}. The organization's own instructions come after."),
                listed=listed,
            )

    def clean_text(self) -> str:
        text = self.cleaned_data["text"]
        known = known_placeholders()
        unknown = [name for name in dict.fromkeys(_PLACEHOLDER.findall(text)) if name not in known]
        if unknown:
            listed = ", ".join(f"[{name}]" for name in unknown)
            raise ValidationError(_("These placeholders are not known: %(listed)s."), params={"listed": listed})
        return text


@admin.register(GlobalPrompt)
class GlobalPromptAdmin(ConsoleAdmin):
    """Versions are only added: what was said to callers last month can always be read again."""

    form = GlobalPromptForm
    list_display = ("__str__", "persona", "version", "created_by", "created_at")
    list_filter = ("persona", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("text",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("persona", "version", "text", "changes", "created_by", "created_at") if obj else ("persona", "text")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("persona", "version", "text", "changes", "created_by", "created_at") if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new version begins as a copy of the one it follows."""
        given = super().get_changeform_initial_data(request)
        current = GlobalPrompt.current(str(given.get("persona", "")))
        return {"text": current.text if current else prompts.DEFAULT_PROMPT, **given}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.created_by = request.user
        add_version(obj)

    @admin.display(description=_("changes since the version before"))
    def changes(self, prompt: GlobalPrompt) -> SafeString | str:
        before = GlobalPrompt.objects.filter(persona=prompt.persona, version__lt=prompt.version).first()
        if before is None:
            return gettext("This is the first version.")
        lines = difflib.unified_diff(
            before.text.splitlines(), prompt.text.splitlines(), str(before), str(prompt), lineterm=""
        )
        return format_html("<pre>{}</pre>", "\n".join(lines))


class StudioInline(ReadOnlyInline):
    model = Studio
    fields = ("name", "persona", "is_active", "synced_at", "problem")


class CalendarConnectionInline(PreviewInline):
    model = CalendarConnection
    fields = ("provider", "preview", "status", "connected_at")


@admin.display(description=_("active"), boolean=True)
def is_answering(organization: Organization) -> bool:
    """The column in the list of organizations."""
    studio = getattr(organization, "studio", None)  # there is none before the studio is first opened
    return studio is not None and studio.is_active


@admin.action(description=_("Renew the webhook secret"), permissions=["change"])
def renew_webhook_secret(console: ConsoleAdmin, request: HttpRequest, organizations: QuerySet[Organization]) -> None:
    """A new secret for each, brought to Vapi at once where the assistant is active."""
    for organization in organizations:
        try:
            activation.renew_webhook_secret(organization=organization)
        except activation.NotPossible as problem:
            console.message_user(request, f"{organization}: {problem}", messages.ERROR)
        else:
            console.log_change(request, organization, gettext("Webhook secret renewed."))
            console.message_user(request, gettext("%(name)s has a new webhook secret.") % {"name": organization})


OrganizationAdmin.extend(
    inline=StudioInline,
    column=is_answering,
    prefetch="studio",
    filters=["studio__is_active"],
    actions=[renew_webhook_secret],
)
OrganizationAdmin.inlines.append(CalendarConnectionInline)
