"""How data leave: storage/schema/0034_leaving.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0034_leaving.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0033_purges")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
