"""The schema of settlement: storage/schema/0025_settlement.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0025_settlement.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0024_benefit_tables")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
