"""Ava's settings: one file, all of it from the environment (`.env.example` lists every name).

With nothing set, Ava runs embedded: SQLite, files on disk and secrets it makes for itself, all under `DATA_DIR`.
"""

import gc
import hashlib
import os
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from ava import api_texts
from ava.lib.environment import embedded_secret, read_run_file, read_secret_files

# Nothing of what a start imports is garbage, and looking for it takes a fifth of the start; AvaConfig ends this.
gc.disable()

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")
read_secret_files(os.environ)
DATA_DIR = Path(env.str("DATA_DIR", default="var"))
DATA_DIR = DATA_DIR if DATA_DIR.is_absolute() else BASE_DIR / DATA_DIR
EMBEDDED = not env.str("DATABASE_URL", default="")
if EMBEDDED:
    read_run_file(DATA_DIR / "run.env", os.environ)


def _secret(name: str) -> str:
    if value := env.str(name, default=""):
        return value
    if EMBEDDED:
        return embedded_secret(DATA_DIR / "keys", name.lower())
    raise ImproperlyConfigured(f"{name} must be set when DATABASE_URL is.")


# --- Core -------------------------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = _secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
FERNET_KEYS = [key.strip() for key in _secret("FIELD_ENCRYPTION_KEYS").split(",") if key.strip()]
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
_PUBLIC_HOST = PUBLIC_URL.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=[_PUBLIC_HOST, "127.0.0.1", "localhost"] if EMBEDDED else [_PUBLIC_HOST]
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "ava.urls"
WEB_THREADS = env.int("WEB_THREADS", default=4)
SITE_NAME = "Ava"

INSTALLED_APPS = [
    "ava.apps.AvaConfig",
    "accounts",
    "telephony",
    "assistants",
    "calls",
    "onboarding",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.usersessions",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "formtools",
    "heroicons",
    "rest_framework",
    "template_partials",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "ava.lib.api.paths.FinalSlashMiddleware",
    "ava.lib.compression.CompressTextMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.api.signing_in.AuthProblemsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.tenancy.OrganizationMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ava.views.shell",
            ],
        },
    },
]

# --- Database, broker, cache ------------------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'ava.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE takes the write lock at once: a lock upgrade half-way fails at once, whatever the timeout.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
    }
else:
    # A new connection per request would cost four fifths of the throughput; threads bound how many there are.
    DATABASES["default"]["CONN_MAX_AGE"] = None
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 4,
        # Values travel beside the statement, and a statement that comes again is not planned again. Behind a pooler
        # without prepared statements (PgBouncer before 1.21) let DATABASE_URL end in ?prepare_threshold=1000000000.
        "server_side_binding": True,
        "prepare_threshold": 5,
        **DATABASES["default"].get("OPTIONS", {}),
    }

CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "django_cache"}}

REDIS_URL = env.str("REDIS_URL", default="")
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "visibility_timeout": 900,  # above every task's time limit, so no task runs beside its own copy
        "unacked_restore_throttle": 1,
        "socket_timeout": 1,
        "socket_connect_timeout": 1,
        "socket_keepalive": True,
        "max_retries": 0,  # who publishes does not wait for a broker that is away; a worker goes on trying all the same
    }
else:
    _QUEUE = DATA_DIR / "queue"
    CELERY_BROKER_URL = "filesystem://"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_QUEUE / "messages"),
        "data_folder_out": str(_QUEUE / "messages"),
        "control_folder": str(_QUEUE / "control"),
        "store_processed": False,
        "polling_interval": 0.1,
    }
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 240
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "calls.tasks.sweep", "schedule": 5.0},
    "reconcile": {"task": "calls.tasks.reconcile_calls", "schedule": 900.0},
    "push-receipts": {"task": "calls.tasks.check_push_receipts", "schedule": 900.0},
    "drop-raw-bodies": {"task": "calls.tasks.drop_raw_bodies", "schedule": 3600.0},
    "drop-old-hooks": {"task": "calls.tasks.drop_old_hooks", "schedule": 3600.0},
    "digests": {"task": "calls.tasks.send_digests", "schedule": 120.0},
    "exports": {"task": "onboarding.tasks.sweep_exports", "schedule": 60.0},
    "calendar-mails": {"task": "assistants.tasks.send_calendar_mails", "schedule": 60.0},
    "invitations": {"task": "accounts.tasks.sweep_invitations", "schedule": 60.0},
    "deliver-analytics": {"task": "onboarding.tasks.deliver_analytics", "schedule": 60.0},
    "forget-requests": {"task": "accounts.tasks.forget_requests", "schedule": 3600.0},
    "end-quarantines": {"task": "telephony.tasks.end_quarantines", "schedule": 3600.0},
}

# --- People -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "onboarding.flows.OnboardingAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
MFA_ADAPTER = "accounts.mfa.MFAAdapter"
MFA_FORMS = {"activate_totp": "accounts.mfa.ActivateTOTPForm"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = SITE_NAME
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PUBLIC_URL.startswith("https://")  # browsers allow it on localhost alone
TERMS_VERSION = "2026-11"

# --- REST API ---------------------------------------------------------------------------------------------------------
_DAYS = 24 * 3600
SESSION_COOKIE_AGE = 30 * _DAYS  # an app that refreshes its token once a month stays signed in
HEADLESS_CLIENTS = ("app",)
HEADLESS_TOKEN_STRATEGY = "accounts.tokens.TokenStrategy"  # noqa: S105  the name of a class
HEADLESS_JWT_ALGORITHM = "HS256"  # nobody but us reads the tokens
HEADLESS_JWT_PRIVATE_KEY = hashlib.sha256(f"ava.jwt:{SECRET_KEY}".encode()).hexdigest()
HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN = 300
HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN = SESSION_COOKIE_AGE
HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED = True  # a token dies with its session: signing out works at once
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "allauth.headless.contrib.rest_framework.authentication.JWTTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["ava.lib.api.parsing.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "ava.lib.api.schema.Schema",
    "EXCEPTION_HANDLER": "ava.lib.api.problems.handle",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Ava",
    "VERSION": "1",
    "DESCRIPTION": api_texts.INTRODUCTION,
    "TAGS": api_texts.TAGS,
    "OAS_VERSION": "3.1.1",
    "PREPROCESSING_HOOKS": ["ava.api_docs.only_versioned"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {  # where two things have a field of one name, or one thing has two
        "CalendarStatusEnum": "assistants.api.calendars.STATUSES",
        "CallStatusEnum": "calls.models.CallStatus",
        "CallTypeEnum": "calls.hooks.endpoints.CHOOSABLE",
        "DeliveryStateEnum": "calls.models.DeliveryState",
        "HookTypeEnum": "calls.models.HookType",
        "KeyStatusEnum": "accounts.models.credentials.Status",
        "LanguageEnum": "django.conf.settings.LANGUAGES",
        "ProcessingStateEnum": "calls.models.StepState",
        "RoleEnum": "accounts.models.organizations.Role",
        "SpeakerEnum": "calls.api.calls.SPEAKERS",
        "SyncStateEnum": "assistants.api.syncing.STATES",
    },
}
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/(api|_allauth)/"
CORS_ALLOW_HEADERS = [
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "x-organization",
    "x-session-token",
]
CORS_EXPOSE_HEADERS = ["ETag", "Idempotent-Replayed", "RateLimit", "RateLimit-Policy", "Retry-After"]

# --- Languages --------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French")), ("he", _("Hebrew"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

# --- Security ---------------------------------------------------------------------------------------------------------
_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = _HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _HTTPS
_BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _BEHIND_PROXY else None
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if _BEHIND_PROXY else 0  # a forged X-Forwarded-For does not dodge the rate limits
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "base-uri": [NONE],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "img-src": [SELF, "data:"],
        "manifest-src": [SELF],
        "media-src": [SELF, "https://storage.googleapis.com", "https://cdn.openai.com"],
        "script-src": [SELF],
        "style-src": [SELF],
    }
}

# --- Files ------------------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
# An embedded installation serves the sources; production collects them under names that may be cached for ever.
WHITENOISE_USE_FINDERS = EMBEDDED
_STATIC_STORAGE = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if EMBEDDED
    else "whitenoise.storage.CompressedManifestStaticFilesStorage"
)
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "files"},
    },
    "staticfiles": {"BACKEND": _STATIC_STORAGE},
}
STORAGE_PROVIDER = env.str("STORAGE_PROVIDER", default="local")
GCS_BUCKET = env.str("GCS_BUCKET", default="")
GCS_CREDENTIALS_JSON = env.str("GCS_CREDENTIALS_JSON", default="")
RECORDING_MAX_BYTES = env.int("RECORDING_MAX_BYTES", default=200_000_000)
RECORDING_LINK_SECONDS = 300

# --- Mail -------------------------------------------------------------------------------------------------------------
vars().update(env.email("EMAIL_URL", default=f"filemail:///{DATA_DIR / 'mail'}"))
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Ava <ava@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Outside services -------------------------------------------------------------------------------------------------
SANDBOX_URL = env.str("SANDBOX_URL", default="").rstrip("/")
VAPI_API_KEY = env.str("VAPI_API_KEY", default="")
VAPI_REGION = env.str("VAPI_REGION", default="us")
VAPI_WEBHOOK_SECRET = env.str("VAPI_WEBHOOK_SECRET", default="")
VAPI_BASE_URLS = (
    {"us": f"{SANDBOX_URL}/vapi/us", "eu": f"{SANDBOX_URL}/vapi/eu"}
    if SANDBOX_URL
    else {"us": "https://api.vapi.ai", "eu": "https://api.eu.vapi.ai"}
)
TWILIO_ACCOUNT_SID = env.str("TWILIO_ACCOUNT_SID", default="")
TWILIO_AUTH_TOKEN = env.str("TWILIO_AUTH_TOKEN", default="")
TWILIO_BASE_URL = f"{SANDBOX_URL}/twilio" if SANDBOX_URL else None
EXPO_BASE_URL = f"{SANDBOX_URL}/expo" if SANDBOX_URL else "https://exp.host"
EXPO_ACCESS_TOKEN = env.str("EXPO_ACCESS_TOKEN", default="")
OPENAI_API_KEY = env.str("OPENAI_API_KEY", default="")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", default="https://api.openai.com/v1")
OPENAI_MODEL = env.str("OPENAI_MODEL", default="gpt-4o-mini")
POSTHOG_API_KEY = env.str("POSTHOG_API_KEY", default="")
POSTHOG_HOST = env.str("POSTHOG_HOST", default="https://eu.i.posthog.com")
_SANDBOX_CLIENT = "sandbox" if SANDBOX_URL else ""  # so that a newcomer can connect a calendar at once
GOOGLE_CLIENT_ID = env.str("GOOGLE_CLIENT_ID", default="") or _SANDBOX_CLIENT
GOOGLE_CLIENT_SECRET = env.str("GOOGLE_CLIENT_SECRET", default="") or _SANDBOX_CLIENT
GOOGLE_BASE_URLS = (
    {name: f"{SANDBOX_URL}/google/{name}" for name in ("accounts", "oauth", "api")}
    if SANDBOX_URL
    else {
        "accounts": "https://accounts.google.com",
        "oauth": "https://oauth2.googleapis.com",
        "api": "https://www.googleapis.com",
    }
)
MICROSOFT_CLIENT_ID = env.str("MICROSOFT_CLIENT_ID", default="") or _SANDBOX_CLIENT
MICROSOFT_CLIENT_SECRET = env.str("MICROSOFT_CLIENT_SECRET", default="") or _SANDBOX_CLIENT
MICROSOFT_TENANT = env.str("MICROSOFT_TENANT", default="common")
MICROSOFT_BASE_URLS = (
    {"login": f"{SANDBOX_URL}/microsoft/login", "graph": f"{SANDBOX_URL}/microsoft/graph/v1.0"}
    if SANDBOX_URL
    else {"login": "https://login.microsoftonline.com", "graph": "https://graph.microsoft.com/v1.0"}
)
# Where recordings may be fetched from, and webhooks sent to, although it is not public https: the sandbox alone.
TRUSTED_FETCH_ORIGINS = frozenset({SANDBOX_URL} if SANDBOX_URL else ())

# --- Webhooks ---------------------------------------------------------------------------------------------------------
WEBHOOK_MAX_BYTES = env.int("WEBHOOK_MAX_BYTES", default=8_000_000)
WEBHOOK_RAW_RETENTION_DAYS = env.int("WEBHOOK_RAW_RETENTION_DAYS", default=30)

# --- Logs -------------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "ava.lib.logs.RedactingFilter"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["redact"]},
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "twilio": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        # The sweeper alone would write two lines every five seconds.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
