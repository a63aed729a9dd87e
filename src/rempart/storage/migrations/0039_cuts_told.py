"""Cuts are told: storage/schema/0039_cuts_told.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0039_cuts_told.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0038_one_person")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
