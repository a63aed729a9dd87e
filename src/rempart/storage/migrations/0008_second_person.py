"""The second person: storage/schema/0008_second_person.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0008_second_person.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0007_administration")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
