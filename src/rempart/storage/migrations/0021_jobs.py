"""The schema of jobs: storage/schema/0021_jobs.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0021_jobs.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0020_authorities")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
