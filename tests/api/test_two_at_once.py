"""Two requests at the same moment, on connections of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from assistants import studio
from assistants.sync import studio_of
from calls import trial_mails
from tests.servers.processes import eventually

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite writes one at a time"),
]


def apart(work: Callable[[], Any]) -> Any:
    """Do it in a thread; its connection is closed, so that the test database can go."""
    try:
        return work()
    finally:
        connection.close()


def is_somebody_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_a_page_that_saves_the_studio_and_a_program_do_not_wait_for_each_other_in_turn(api_of, alice, organization):
    kept, api = studio_of(organization), api_of(alice)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            type(kept).objects.for_organization(organization).select_for_update().get()
            answer = pool.submit(apart, lambda: api.patch("/api/v1/user/studio-config", {"tone": "calm"}))
            eventually(is_somebody_waiting, timeout=10, every=0.02)
            studio.save(studio=kept, values={"guidelines": "Be brief."}, user=alice)
        assert answer.result(timeout=10).status_code == 200
    kept.refresh_from_db()
    assert (kept.tone, kept.guidelines) == ("calm", "Be brief.")


def test_many_trial_mails_at_once_are_five(alice, organization, mails):
    def send() -> bool:
        try:
            trial_mails.send(organization=organization, sender=alice)
        except trial_mails.TooManyMails:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda _number: apart(send), range(12)))
    assert (sum(sent), len(mails.messages)) == (5, 5)
