"""The schema of benefit tables and holds: storage/schema/0024_benefit_tables.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0024_benefit_tables.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0023_pec")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
