"""The schema of purges that no backup undoes: storage/schema/0033_purges.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0033_purges.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0032_employer")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
