"""Bank details: storage/schema/0005_bank_details.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0005_bank_details.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0004_row_policies")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
