"""Canaries, and alerts sent to those who watch: storage/schema/0016_alerts.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0016_alerts.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0015_steps")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
