"""Inviting people, and what they may do."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import team
from accounts.models import Membership
from accounts.models.organizations import Role


class InvitationForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "dir": "ltr"}),
        error_messages={
            "required": _("Enter the address of the person to invite."),
            "invalid": _("This is not an e-mail address."),
        },
    )
    role = forms.ChoiceField(
        label=_("Role"),
        choices=[(role.value, role.label) for role in (Role.MEMBER, Role.ADMIN)],
        initial=Role.MEMBER,
        help_text=_("Members read calls. Admins also change settings, keys and numbers."),
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, *args: Any, actor: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(role.value, role.label) for role in team.roles_to_give(actor)]
        self.fields["role"] = forms.ChoiceField(label=_("Role"), choices=choices)
