"""What a person wants to hear about calls."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from accounts.models.organizations import MailTiming


class NotificationsForm(forms.ModelForm):
    class Meta:
        model = Membership
        fields = ("mail_timing", "push_calls")
        labels = {"mail_timing": _("E-mail about calls"), "push_calls": _("Push to my phone after each call")}
        widgets = {"mail_timing": forms.RadioSelect}

    def save(self, commit: bool = True) -> Any:
        """Who changes to the daily mail has been told of each call until now."""
        if "mail_timing" in self.changed_data and self.instance.mail_timing == MailTiming.DAILY:
            self.instance.digest_through = timezone.now()
        self.instance.save(update_fields=["mail_timing", "push_calls", "digest_through"])
        return self.instance
