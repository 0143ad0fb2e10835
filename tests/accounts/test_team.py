"""Who belongs to an organization: inviting, joining, roles, removing, seats."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import invitations, plans, team
from accounts.models import Invitation, Membership, Organization
from accounts.models.organizations import Role
from accounts.tenancy import SESSION_KEY, found_own_organization
from accounts.views import section_url
from tests.factories import PASSWORD, make_user

TEAM = section_url("team")
EVE = "eve@example.com"


@pytest.fixture
def seats(organization: Organization) -> None:
    Organization.objects.filter(pk=organization.pk).update(seats=5)
    organization.refresh_from_db()


@pytest.fixture
def signed_in(client, alice, seats):
    client.force_login(alice)
    return client


@pytest.fixture
def invited(organization, alice, seats) -> Invitation:
    return invitations.invite(organization=organization, invited_by=alice, email=EVE, role=Role.ADMIN)


def membership(organization: Organization, person: Any) -> Membership:
    return organization.memberships.get(user=person)


def open_invitations(organization: Organization) -> list[str]:
    return list(organization.invitations.filter(accepted_at__isnull=True).values_list("email", flat=True))


# --- Inviting ---------------------------------------------------------------------------------------------------------


def test_an_invitation_is_mailed_in_the_organizations_language(signed_in, organization, alice):
    alice.locale = "fr"
    alice.save()
    signed_in.post(TEAM, {"invite": "1", "email": "Eve@Example.com", "role": "member"})
    assert open_invitations(organization) == [EVE]
    assert invitations.send_due_mails() == 1
    assert invitations.send_due_mails() == 0
    (mail,) = outbox.outbox
    assert mail.to == [EVE]
    assert "http://testserver/fr/settings/invitation/" in mail.body or "/fr/settings/invitation/" in mail.body
    assert 'lang="fr"' in mail.alternatives[0].content


def test_two_workers_send_one_mail(invited):
    for _ in range(2):
        invitations.send_mail(invited.pk)
    assert len(outbox.outbox) == 1


def test_a_mail_server_that_is_away_is_tried_again_and_a_refusal_is_shown(invited, signed_in, settings, monkeypatch):
    def refuse(**_given: Any) -> None:
        raise invitations.mail.MailUnreachable("away")

    monkeypatch.setattr(invitations.mail, "send", refuse)
    invitations.send_mail(invited.pk)
    invited.refresh_from_db()
    assert invited.mail_due_at > timezone.now()

    def refuse_for_good(**_given: Any) -> None:
        raise invitations.mail.MailRefused("no")

    monkeypatch.setattr(invitations.mail, "send", refuse_for_good)
    Invitation.objects.unscoped().update(mail_due_at=timezone.now())
    invitations.send_mail(invited.pk)
    assert "could not be delivered" in signed_in.get(TEAM).content.decode()


@pytest.mark.parametrize(
    ("email", "words"),
    [
        ("", "Enter the address"),
        ("nonsense", "not an e-mail address"),
        ("bob@practice.example", "belongs to your organization already"),
        ("BOB@practice.example", "belongs to your organization already"),
        (EVE, "invited already"),
    ],
)
def test_who_cannot_be_invited_is_said_in_words_and_kept_in_the_field(signed_in, bob, invited, email, words):
    html = signed_in.post(TEAM, {"invite": "1", "email": email, "role": "member"}).content.decode()
    assert words in html
    assert not email or f'value="{email}"' in html


def test_nobody_is_invited_as_an_owner(signed_in, organization):
    assert signed_in.post(TEAM, {"invite": "1", "email": EVE, "role": "owner"}).status_code == 200
    assert open_invitations(organization) == []


def test_an_address_has_one_open_invitation_per_organization(invited, organization, charlie):
    with pytest.raises(IntegrityError), transaction.atomic():
        organization.invitations.create(email=EVE)
    charlie.organizations.get().invitations.create(email=EVE)


def test_an_invitation_that_is_over_gives_way(invited, organization, alice):
    Invitation.objects.unscoped().update(expires_at=timezone.now())
    again = invitations.invite(organization=organization, invited_by=alice, email=EVE, role=Role.MEMBER)
    assert list(organization.invitations.all()) == [again]


def test_it_is_sent_again_with_new_time(signed_in, invited, organization):
    invitations.send_mail(invited.pk)
    Invitation.objects.unscoped().update(expires_at=timezone.now() - timedelta(days=1))
    signed_in.post(TEAM, {"resend": invited.pk})
    invited.refresh_from_db()
    assert invited.is_open
    invitations.send_mail(invited.pk)
    assert len(outbox.outbox) == 2


def test_nobody_is_flooded_with_invitations(signed_in, organization, monkeypatch):
    monkeypatch.setattr(invitations, "MAILS_BESIDES", -7)  # three mails for five seats
    for _ in range(3):
        signed_in.post(TEAM, {"invite": "1", "email": EVE, "role": "member"})
        signed_in.post(TEAM, {"revoke": organization.invitations.get().pk})
    answer = signed_in.post(TEAM, {"invite": "1", "email": EVE, "role": "member"})
    assert "Too many invitations were sent today" in answer.content.decode()
    assert open_invitations(organization) == []


def test_one_that_is_taken_back_leads_nowhere(client, signed_in, invited):
    address = invitations.link(invited)
    signed_in.post(TEAM, {"revoke": invited.pk})
    answer = client.get(address)
    assert answer.status_code == 410
    assert "no longer good" in answer.content.decode()


# --- Seats ------------------------------------------------------------------------------------------------------------


def test_open_invitations_take_seats_and_full_is_said_with_the_way_to_more(signed_in, organization, invited):
    Organization.objects.filter(pk=organization.pk).update(seats=2)
    html = signed_in.post(TEAM, {"invite": "1", "email": "dan@example.com", "role": "member"}).content.decode()
    assert "2 seats, and all are taken" in html
    assert "section=plan" in html.split("<main")[1]
    assert 'value="dan@example.com"' in html
    assert open_invitations(organization) == [EVE]


def test_an_invitation_that_is_over_frees_its_seat_and_cannot_take_another(signed_in, organization, alice, invited):
    Organization.objects.filter(pk=organization.pk).update(seats=2)
    organization.refresh_from_db()
    Invitation.objects.unscoped().update(expires_at=timezone.now())
    invitations.invite(organization=organization, invited_by=alice, email="dan@example.com", role=Role.MEMBER)
    with pytest.raises(plans.NoSeatLeft):
        invitations.resend(invited)


@pytest.mark.django_db(transaction=True)
def test_the_last_seat_goes_to_one_of_many_at_once(alice, organization):
    Organization.objects.filter(pk=organization.pk).update(seats=2)
    start, kept = threading.Barrier(6), []

    def try_it(number: int) -> None:
        start.wait()
        try:
            email = f"p{number}@example.com"
            kept.append(invitations.invite(organization=organization, invited_by=alice, email=email, role=Role.MEMBER))
        except plans.NoSeatLeft:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=try_it, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == organization.invitations.count() == 1


# --- Joining ----------------------------------------------------------------------------------------------------------


def test_the_invited_person_joins_and_works_there_at_once(client, invited, organization):
    eve = make_user(EVE)
    client.force_login(eve)
    address = invitations.link(invited)
    assert "Accept" in client.get(address).content.decode()
    assert not organization.memberships.filter(user=eve).exists()
    assert client.post(address)["Location"] == "/en/dashboard/"
    assert membership(organization, eve).role == Role.ADMIN
    assert client.session[SESSION_KEY] == organization.pk
    client.post(address)
    assert organization.memberships.filter(user=eve).count() == 1


def test_somebody_else_is_told_whom_it_is_for_and_cannot_join(client, invited, organization, charlie):
    client.force_login(charlie)
    address = invitations.link(invited)
    for html in (client.get(address).content.decode(), client.post(address).content.decode()):
        assert EVE in html
        assert charlie.email in html
    assert not organization.memberships.filter(user=charlie).exists()


def test_an_address_that_is_not_proven_opens_nothing(client, invited, organization, charlie):
    charlie.emailaddress_set.create(email=EVE, verified=False)
    client.force_login(charlie)
    client.post(invitations.link(invited))
    assert not organization.memberships.filter(user=charlie).exists()
    charlie.emailaddress_set.update(verified=True)
    client.post(invitations.link(invited))
    assert membership(organization, charlie).role == Role.ADMIN


def test_an_invitation_that_is_over_is_not_accepted(client, invited, organization):
    eve = make_user(EVE)
    client.force_login(eve)
    Invitation.objects.unscoped().update(expires_at=timezone.now())
    assert client.post(invitations.link(invited)).status_code == 410
    assert not organization.memberships.filter(user=eve).exists()


@pytest.mark.parametrize("token", ["x", "WzEsImEiXQ:1:2", "%00", "a" * 900])
def test_a_forged_link_opens_nothing(client, invited, token):
    assert client.get(f"/en/settings/invitation/{token}/").status_code == 410


def test_a_stranger_signs_up_and_lands_on_the_invitation_without_an_organization_of_their_own(client, invited):
    html = client.get(invitations.link(invited)).content.decode().split("<main")[1]
    address = html.split('class="button" href="/en/accounts/signup/')[1].split('"')[0].replace("&amp;", "&")
    signup = client.get(f"/en/accounts/signup/{address}")
    assert f'value="{EVE}"' in signup.content.decode()
    wanted = invitations.link(invited).removeprefix("http://testserver").removeprefix("http://127.0.0.1:8000")
    client.post("/en/accounts/signup/", {"email": EVE, "password1": PASSWORD, "next": wanted})
    code = outbox.outbox[-1].body.split(":")[1].split()[0]
    answer = client.post("/en/accounts/confirm-email/", {"code": code})
    assert answer["Location"] == wanted
    client.post(wanted)
    assert [one.pk for one in Organization.objects.filter(members__email=EVE)] == [invited.organization_id]


# --- Roles and removing -----------------------------------------------------------------------------------------------


def test_an_owner_changes_roles_and_removes(signed_in, organization, bob):
    signed_in.post(TEAM, {"change": membership(organization, bob).pk, "role": "admin"})
    assert membership(organization, bob).role == Role.ADMIN
    signed_in.post(TEAM, {"remove": membership(organization, bob).pk})
    assert not organization.memberships.filter(user=bob).exists()


def test_an_admin_does_not_touch_owners_nor_makes_any(client, organization, alice, bob):
    organization.memberships.filter(user=bob).update(role=Role.ADMIN)
    dora = make_user("dora@practice.example", organization=organization)
    client.force_login(bob)
    for values in (
        {"change": membership(organization, alice).pk, "role": "member"},
        {"change": membership(organization, dora).pk, "role": "owner"},
        {"remove": membership(organization, alice).pk},
    ):
        assert "Only an owner can do that." in client.post(TEAM, values, follow=True).content.decode()
    assert membership(organization, alice).role == Role.OWNER
    client.post(TEAM, {"change": membership(organization, dora).pk, "role": "admin"})
    assert membership(organization, dora).role == Role.ADMIN


def test_the_last_owner_cannot_be_removed_or_demoted(signed_in, organization, alice):
    for values in ({"remove": membership(organization, alice).pk}, {"change": membership(organization, alice).pk}):
        html = signed_in.post(TEAM, {**values, "role": "member"}, follow=True).content.decode()
        assert "needs an owner" in html
    assert membership(organization, alice).role == Role.OWNER


@pytest.mark.django_db(transaction=True)
def test_two_owners_leaving_at_once_leave_one(alice, organization):
    dora = make_user("dora@practice.example", organization=organization)
    organization.memberships.filter(user=dora).update(role=Role.OWNER)
    start, refused = threading.Barrier(2), []

    def leave(mine: Membership) -> None:
        start.wait()
        try:
            team.remove(actor=mine, membership_id=mine.pk)
        except team.NotAllowed:
            refused.append(mine)
        finally:
            connection.close()

    mine = list(organization.memberships.select_related("organization"))
    threads = [threading.Thread(target=leave, args=(one,)) for one in mine]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == organization.memberships.count() == 1


@pytest.mark.parametrize("action", ["change", "remove", "resend", "revoke"])
@pytest.mark.parametrize("odd", ["", "x", "0", "-1", "9" * 40, "\x00", "²"])
def test_an_odd_id_is_not_found(signed_in, action, odd):
    assert signed_in.post(TEAM, {action: odd, "role": "member"}).status_code == 404


def test_a_stranger_cannot_touch_another_team(client, organization, charlie, bob, invited):
    client.force_login(charlie)
    mine = membership(organization, bob).pk
    for values in ({"change": mine, "role": "admin"}, {"remove": mine}, {"revoke": invited.pk}, {"resend": invited.pk}):
        assert client.post(TEAM, values).status_code == 404
    assert membership(organization, bob).role == Role.MEMBER
    assert open_invitations(organization) == [EVE]


@pytest.mark.django_db(transaction=True)
def test_who_was_removed_founds_one_organization_however_many_requests_come(organization, bob):
    team.remove(actor=organization.memberships.get(role=Role.OWNER), membership_id=membership(organization, bob).pk)
    start = threading.Barrier(4)

    def ask() -> None:
        start.wait()
        try:
            found_own_organization(bob)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bob.memberships.count() == 1
