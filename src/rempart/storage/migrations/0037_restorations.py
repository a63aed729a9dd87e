"""Certificates of restorations: storage/schema/0037_restorations.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0037_restorations.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0036_professionals_told")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
