"""A webhook's body is compressed and encrypted: PostgreSQL would try in vain to compress it once more, on each insert."""

from typing import Any

from django.db import migrations


def _set_storage(schema_editor: Any, storage: str) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE calls_webhookevent ALTER COLUMN body SET STORAGE {storage}")


class Migration(migrations.Migration):
    dependencies = [("calls", "0001_initial")]

    operations = [
        migrations.RunPython(
            lambda apps, schema_editor: _set_storage(schema_editor, "EXTERNAL"),
            lambda apps, schema_editor: _set_storage(schema_editor, "EXTENDED"),
        )
    ]
