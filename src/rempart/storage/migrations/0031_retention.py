"""The schema of retention and of the archive: storage/schema/0031_retention.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0031_retention.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0030_insurer_space")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
