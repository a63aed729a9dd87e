"""What one person lost, asked on a page: storage/schema/0038_one_person.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0038_one_person.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0037_restorations")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
