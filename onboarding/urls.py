"""The nine steps."""

from django.urls import path

from onboarding import views
from onboarding.wizard import OnboardingWizard

app_name = "onboarding"

wizard = OnboardingWizard.as_view(url_name="onboarding:step", done_step_name="finish")

urlpatterns = [
    path("", views.resume, name="resume"),
    path("vapi/key/", views.save_vapi_key, name="vapi-key"),
    path("twilio/account/", views.save_twilio_account, name="twilio-account"),
    path("assistant/create/", views.create_assistant, name="create-assistant"),
    path("done/launch/", views.launch_ava, name="launch"),
    path("launched/", views.launched, name="launched"),
    path("<slug:step>/", wizard, name="step"),
    path("<slug:step>/save/", views.autosave, name="autosave"),
    path("<slug:step>/skip/", views.skip, name="skip"),
]
