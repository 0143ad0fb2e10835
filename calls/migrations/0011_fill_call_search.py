"""Let the calls that are there already be found. Each batch stays done: it may be stopped and run again."""

from typing import Any

from django.db import migrations

from calls.words import words_of

BATCH = 500


def _fill(apps: Any, schema_editor: Any) -> None:
    entries = apps.get_model("calls.SearchEntry")
    missing = apps.get_model("calls.Call").objects.filter(search_entry=None).order_by("pk")
    missing = missing.only("organization_id", "started_at", "caller_number", "summary", "transcript")
    batch = list(missing[:BATCH])
    while batch:
        entries.objects.bulk_create(
            [entries(call=call, started_at=call.started_at, words=words_of(call)) for call in batch],
            ignore_conflicts=True,
        )
        batch = list(missing.filter(pk__gt=batch[-1].pk)[:BATCH])


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("calls", "0010_call_search")]

    operations = [migrations.RunPython(_fill, migrations.RunPython.noop)]
