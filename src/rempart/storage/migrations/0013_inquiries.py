"""Questions to the ledger about a named person: storage/schema/0013_inquiries.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0013_inquiries.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0012_continuity")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
