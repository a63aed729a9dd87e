"""The schema of claims: storage/schema/0022_claims.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0022_claims.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0021_jobs")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
