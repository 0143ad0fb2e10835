"""What Ava says: the tenant's studio, and the operator's prompts."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Organization, TenantModel
from ava.lib.crypto import EncryptedTextField


class Persona(models.TextChoices):
    SECRETARY = "secretary", _("Secretary")
    CONCIERGE = "concierge", _("Concierge")
    SDR = "sdr", _("Sales representative")
    CUSTOMER_SUCCESS = "cs", _("Customer success")


class Calendar(models.TextChoices):
    GOOGLE = "google", "Google Calendar"
    OUTLOOK = "outlook", "Outlook"
    NONE = "none", pgettext_lazy("choice", "None")


class WorkspaceApp(models.TextChoices):
    SLACK = "slack", "Slack"
    NOTION = "notion", "Notion"
    TEAMS = "teams", "Microsoft Teams"
    GOOGLE_DRIVE = "google_drive", "Google Drive"
    TRELLO = "trello", "Trello"


class Crm(models.TextChoices):
    HUBSPOT = "hubspot", "HubSpot"
    SALESFORCE = "salesforce", "Salesforce"
    NONE = "none", pgettext_lazy("choice", "None")


def default_languages() -> list[str]:
    return [settings.LANGUAGE_CODE]


class Studio(TenantModel):
    """An organization's one assistant: what it is like, and what Vapi has of it."""

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="studio")

    name = models.CharField(_("assistant's name"), max_length=40, default="Ava")
    persona = models.CharField(_("persona"), max_length=20, choices=Persona.choices, default=Persona.SECRETARY)
    job_to_be_done = models.TextField(_("job to be done"), blank=True)
    tone = models.CharField(_("tone"), max_length=60, default="professional")
    languages = models.JSONField(_("languages"), default=default_languages)
    guidelines = models.TextField(_("guidelines"), blank=True)
    system_prompt = models.TextField(_("own instructions"), blank=True)
    first_message = models.TextField(_("first message"), blank=True)
    end_call_message = models.CharField(_("goodbye"), max_length=1000, blank=True)
    consent_notice = models.CharField(_("recording notice"), max_length=500, blank=True)

    voice_provider = models.CharField(_("voice provider"), max_length=30, default="11labs")
    voice_id = models.CharField(_("voice"), max_length=100, default="sarah")
    voice_speed = models.DecimalField(_("speed"), max_digits=3, decimal_places=2, default=Decimal("1.0"))
    model_provider = models.CharField(_("model provider"), max_length=30, default="openai")
    model_name = models.CharField(_("model"), max_length=80, default="gpt-4o-mini")
    temperature = models.DecimalField(
        _("temperature"),
        max_digits=3,
        decimal_places=2,
        default=Decimal("0.5"),
        validators=[MinValueValidator(0), MaxValueValidator(2)],
    )
    max_tokens = models.PositiveIntegerField(
        _("longest answer in tokens"),
        default=250,
        validators=[MinValueValidator(50), MaxValueValidator(10_000)],
    )
    transcriber_provider = models.CharField(_("transcriber"), max_length=30, default="deepgram")
    transcriber_model = models.CharField(_("transcriber's model"), max_length=60, default="nova-3", blank=True)
    recording_enabled = models.BooleanField(_("record calls"), default=True)
    max_duration_seconds = models.PositiveIntegerField(
        _("longest call in seconds"),
        default=900,
        validators=[MinValueValidator(10), MaxValueValidator(43_200)],
    )

    calendar = models.CharField(_("calendar"), max_length=20, choices=Calendar.choices, default=Calendar.NONE)
    workspace_apps = models.JSONField(_("workspace apps"), default=list, blank=True)
    crm = models.CharField(_("CRM"), max_length=20, choices=Crm.choices, default=Crm.NONE)

    # What a client of the API keeps with its assistant; it is no setting, so no version has it.
    metadata = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), blank=True)

    is_active = models.BooleanField(_("active"), default=False)
    vapi_id = models.CharField(max_length=64, blank=True, db_index=True)
    vapi_org_id = models.CharField(max_length=64, blank=True)
    synced_digest = models.CharField(max_length=64, blank=True)
    synced_at = models.DateTimeField(_("Vapi has it since"), null=True, blank=True)
    problem = models.TextField(_("last problem"), blank=True)

    class Meta:
        verbose_name = _("studio")
        verbose_name_plural = _("studios")

    def __str__(self) -> str:
        return f"{self.name} · {self.organization}"

    @property
    def language(self) -> str:
        """The language the assistant begins in."""
        return self.languages[0] if self.languages else settings.LANGUAGE_CODE

    def mark_synced(self, *, digest: str) -> None:
        """Vapi was read back and has what `digest` stands for."""
        self.synced_digest, self.synced_at, self.problem = digest, timezone.now(), ""
        self.save(update_fields=["vapi_id", "vapi_org_id", "synced_digest", "synced_at", "problem"])

    def mark_removed(self) -> None:
        """Vapi has no assistant any more."""
        self.vapi_id, self.synced_digest, self.synced_at, self.problem = "", "", None, ""
        self.save(update_fields=["vapi_id", "synced_digest", "synced_at", "problem"])

    def mark_active(self, active: bool) -> None:
        """Keep whether the assistant answers."""
        self.is_active, self.problem = active, ""
        self.save(update_fields=["is_active", "problem"])

    def mark_problem(self, problem: str) -> None:
        """Keep, in words, why the last step did not work."""
        self.problem = problem
        self.save(update_fields=["problem"])


class StudioVersion(TenantModel):
    """The studio's settings as somebody left them. No secret is among them: keys are the credentials' own."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="studio_versions")
    number = models.PositiveIntegerField(_("version"))
    values = models.JSONField(_("settings"))
    changed = models.JSONField(_("changed settings"), default=list)
    restored = models.PositiveIntegerField(_("restored version"), null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    # Saved while somebody typed: what they save next, soon, takes its place.
    is_passing = models.BooleanField(default=False, db_default=False)
    # Its place is taken, and the history leaves it out; a page that was opened on it still knows what it showed.
    is_superseded = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name = _("studio version")
        verbose_name_plural = _("studio versions")
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="studio_version_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.organization} v{self.number}"


class CalendarProvider(models.TextChoices):
    GOOGLE = "google", "Google Calendar"
    OUTLOOK = "outlook", "Outlook"


class ConnectionStatus(models.TextChoices):
    CONNECTED = "connected", _("connected")
    RECONNECT = "reconnect", _("to be connected again")


class CalendarConnection(TenantModel):
    """The one calendar of a provider that an organization lets Ava read and write, with the tokens for it."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="calendar_connections")
    provider = models.CharField(_("calendar"), max_length=20, choices=CalendarProvider.choices)
    account_email = models.EmailField(_("account"), max_length=320)
    access_token = EncryptedTextField()
    refresh_token = EncryptedTextField()
    expires_at = models.DateTimeField(_("access token good until"))
    scopes = models.JSONField(_("granted"), default=list)
    status = models.CharField(
        _("status"), max_length=20, choices=ConnectionStatus.choices, default=ConnectionStatus.CONNECTED
    )
    connected_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    connected_at = models.DateTimeField(_("connected at"), default=timezone.now)
    # Who refreshes the tokens holds the row until then; the others wait for what comes of it.
    refresh_claimed_until = models.DateTimeField(null=True, blank=True)
    # The owner is still to be told at this time that the calendar has to be connected again.
    mail_due_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("calendar connection")
        verbose_name_plural = _("calendar connections")
        constraints = [
            models.UniqueConstraint(fields=["organization", "provider"], name="one_connection_per_calendar"),
        ]
        indexes = [
            models.Index(
                fields=["mail_due_at"], condition=models.Q(mail_due_at__isnull=False), name="calendar_mails_to_send"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()} · {self.account_email}"

    @property
    def preview(self) -> str:
        """All that the operator sees of it."""
        return self.account_email

    @property
    def needs_reconnect(self) -> bool:
        """Whether the person has to allow it again."""
        return self.status == ConnectionStatus.RECONNECT


class GlobalPrompt(models.Model):
    """An instruction of the operator's that every assistant gets, by persona or all. Only added to, never edited."""

    persona = models.CharField(
        _("persona"),
        max_length=20,
        choices=Persona.choices,
        blank=True,
        help_text=_("Empty: for every persona."),
    )
    version = models.PositiveIntegerField(_("version"), editable=False)
    text = models.TextField(
        _("text"), help_text=_("Placeholders: [USER_NAME], [PROFESSION], [LANGUAGE], [ORGANIZATION_NAME], …")
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("global prompt")
        verbose_name_plural = _("global prompts")
        ordering = ["persona", "-version"]
        constraints = [models.UniqueConstraint(fields=["persona", "version"], name="prompt_version_is_unique")]

    def __str__(self) -> str:
        persona = self.get_persona_display() or _("All personas")
        return f"{persona} v{self.version}"

    @classmethod
    def current(cls, persona: str) -> "GlobalPrompt | None":
        """The newest version for a persona, else the newest for all."""
        return cls.objects.filter(persona__in=[persona, ""]).order_by("-persona", "-version").first()
