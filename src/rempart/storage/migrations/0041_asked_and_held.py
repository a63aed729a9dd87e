"""What was asked and is held: storage/schema/0041_asked_and_held.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0041_asked_and_held.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0040_not_known")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
