"""Professionals told by the operator: storage/schema/0036_professionals_told.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0036_professionals_told.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0035_chain")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
