"""Who hosts, operates and processes for whom: storage/schema/0035_chain.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0035_chain.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0034_leaving")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
