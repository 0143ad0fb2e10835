"""The global prompts: versions are counted up, checked, and never changed."""

import threading

import pytest
from django.db import connection

from assistants.admin import add_version, known_placeholders
from assistants.models import GlobalPrompt
from assistants.prompts import DEFAULT_PROMPT
from tests.admin.pages import page


def add(admin_client, text="Be kind to [USER_NAME]'s callers.", persona=""):
    return admin_client.post(page(GlobalPrompt, "add"), {"persona": persona, "text": text})


def test_versions_count_up_for_each_persona(admin_client, admin_user):
    for persona in ("", "sdr", "", ""):
        assert add(admin_client, persona=persona).status_code == 302
    versions = GlobalPrompt.objects.order_by("pk").values_list("persona", "version", "created_by")
    assert list(versions) == [
        ("", 1, admin_user.pk),
        ("sdr", 1, admin_user.pk),
        ("", 2, admin_user.pk),
        ("", 3, admin_user.pk),
    ]


@pytest.mark.django_db(transaction=True)
def test_versions_added_at_once_all_count():
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: SQLite in memory is one connection")
    together = threading.Barrier(8)

    def add_one():
        together.wait()
        add_version(GlobalPrompt(persona="sdr", text="Sell."))
        connection.close()

    threads = [threading.Thread(target=add_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(GlobalPrompt.objects.values_list("version", flat=True)) == list(range(1, 9))


def test_unknown_placeholders_are_named(admin_client):
    answer = add(admin_client, "Greet [USER_NAME] of [COMPANY], [COMPANY], in [TONGUE].")
    errors = answer.context["adminform"].form.errors["text"]
    assert errors == ["These placeholders are not known: [COMPANY], [TONGUE]."]
    assert not GlobalPrompt.objects.exists()


def test_the_page_lists_the_placeholders_and_begins_with_the_current_text(admin_client):
    content = admin_client.get(page(GlobalPrompt, "add")).content.decode()
    assert all(f"[{name}]" in content for name in known_placeholders())
    assert "[PROFESSION]" in content
    assert DEFAULT_PROMPT[:40] in content
    GlobalPrompt.objects.create(persona="sdr", version=1, text="Sell gently.")
    assert "Sell gently." in admin_client.get(page(GlobalPrompt, "add"), {"persona": "sdr"}).content.decode()


def test_the_default_prompt_could_be_saved(admin_client):
    assert add(admin_client, DEFAULT_PROMPT).status_code == 302


def test_a_version_is_read_only_and_shows_what_changed(admin_client):
    GlobalPrompt.objects.create(persona="", version=1, text="Be kind.\nBe <b>short</b>.")
    prompt = GlobalPrompt.objects.create(persona="", version=2, text="Be kind.\nBe quick.")
    content = admin_client.get(page(GlobalPrompt, "change", prompt.pk)).content.decode()
    assert "-Be &lt;b&gt;short&lt;/b&gt;." in content
    assert "+Be quick." in content
    assert admin_client.post(page(GlobalPrompt, "change", prompt.pk), {"text": "Other"}).status_code == 403
    assert admin_client.post(page(GlobalPrompt, "delete", prompt.pk), {"post": "yes"}).status_code == 403
    assert set(GlobalPrompt.objects.values_list("text", flat=True)) == {prompt.text, "Be kind.\nBe <b>short</b>."}
