"""No page asks the database more than twelve times, however much the organization has."""

import pytest

from onboarding.models import Onboarding
from tests.browser.site import SIGNED_IN
from tests.factories import make_call, make_number, make_user

MOST_QUERIES = 12


@pytest.fixture
def busy(client, alice, practice):
    """Alice, an operator too, of an organization with people, numbers and calls."""
    alice.is_staff = alice.is_superuser = True
    alice.save()
    for number in range(6):
        make_user(f"person{number}@practice.example", organization=practice)
        make_number(practice, f"+3319900451{number}")
        make_call(practice)
    rows = Onboarding.objects.for_organization(practice)
    rows.get_or_create(defaults={"organization": practice, "step": "done"})[0].mark_launched()
    client.force_login(alice)
    return client


def test_a_page_asks_the_database_twelve_times_at_most(busy, django_assert_max_num_queries, subtests):
    for name, path in SIGNED_IN.items():
        with subtests.test(name):
            assert busy.get(f"/en{path}", follow=True).status_code == 200  # what the first visit makes is there now
            with django_assert_max_num_queries(MOST_QUERIES):
                assert busy.get(f"/en{path}").status_code in {200, 302}
