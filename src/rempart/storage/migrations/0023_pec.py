"""The schema of prises en charge: storage/schema/0023_pec.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0023_pec.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0022_claims")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
