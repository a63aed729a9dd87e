"""What the guard keeps of accounts: storage/schema/0014_guard.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0014_guard.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0013_inquiries")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
