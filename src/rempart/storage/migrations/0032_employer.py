"""The schema of employers: storage/schema/0032_employer.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0032_employer.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0031_retention")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
