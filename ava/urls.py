"""Every page's address. Webhooks are not here: calls.webhooks.asgi answers them, before anything else."""

from allauth.account.decorators import secure_admin_login
from allauth.headless.constants import Client
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path, re_path

from accounts.api.signing_in import TOTPView
from assistants import calendar_views
from ava import api_urls, views
from calls import views as call_views

handler400 = "ava.views.bad_request"
handler403 = "ava.views.forbidden"
handler404 = "ava.views.not_found"
handler500 = "ava.views.server_error"

# Operators log in where everybody does: one login, one rate limit.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("language/", views.set_language, name="set-language"),
    path("theme/", views.set_theme, name="set-theme"),
    path("recordings/<str:token>", call_views.recording_file, name="recording-file"),
    # Registered at Google and Microsoft letter by letter, so without a language.
    path("calendars/<str:provider>/callback/", calendar_views.callback, name="calendar-callback"),
    path("admin/", admin.site.urls),
    path("_allauth/app/v1/account/authenticators/totp", TOTPView.as_api_view(client=Client.APP), name="headless-totp"),
    path("_allauth/", include("allauth.headless.urls")),
    path("api/v1/", include((api_urls.urlpatterns, "api"), namespace="api-v1")),
    path("api/", include((api_urls.urlpatterns, "api"), namespace="api")),  # where the first clients look
    *i18n_patterns(
        path("", views.home, name="home"),
        path("dashboard/", views.dashboard, name="dashboard"),
        path("organization/", views.switch_organization, name="switch-organization"),
        path("design/", views.design, name="design"),
        path("dashboard/activate/", views.activate, name="activate"),
        path("dashboard/deactivate/", views.deactivate, name="deactivate"),
        path("dashboard/test-call/", views.place_test_call, name="place-test-call"),
        re_path(r"^settings/?$", views.settings_page, name="settings"),
        path("settings/", include("accounts.urls")),
        path("onboarding/", include("onboarding.urls")),
        path("calls/", include("calls.urls")),
        path("numbers/", include("telephony.urls")),
        path("studio/", include("assistants.urls")),
        path("accounts/", include("allauth.urls")),
    ),
]
