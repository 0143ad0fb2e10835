"""Calls by words, and by status, direction and caller. No extension is needed: each word carries its tenant."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

import ava.lib.fulltext


def _index_words(apps: Any, schema_editor: Any) -> None:
    """Entries go into the index at once: a list of pending ones would be read through by every search."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE INDEX calls_by_words ON calls_searchentry USING gin (words) WITH (fastupdate = off)"
        )


class Migration(migrations.Migration):
    dependencies = [("calls", "0002_keep_bodies_as_they_come")]

    operations = [
        migrations.AddIndex(
            model_name="call",
            index=models.Index(fields=["organization", "status", "-started_at", "-id"], name="calls_by_status"),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(fields=["organization", "direction", "-started_at", "-id"], name="calls_by_direction"),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(fields=["organization", "caller_number", "-started_at", "-id"], name="calls_by_caller"),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(fields=["organization", "number", "-started_at", "-id"], name="calls_by_number"),
        ),
        migrations.CreateModel(
            name="SearchEntry",
            fields=[
                (
                    "call",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_entry",
                        serialize=False,
                        to="calls.call",
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("words", ava.lib.fulltext.WordsField()),
            ],
        ),
        migrations.RunPython(_index_words, migrations.RunPython.noop),  # it goes with its table
    ]
