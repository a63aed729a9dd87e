"""The schema of public answers about incidents: storage/schema/0028_concerned.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0028_concerned.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0027_notices")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
