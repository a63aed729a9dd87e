"""The schema of what billers are told: storage/schema/0026_told.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0026_told.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0025_settlement")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
