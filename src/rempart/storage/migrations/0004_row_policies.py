"""Row policies: storage/schema/0004_row_policies.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0004_row_policies.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0003_tenancy")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
