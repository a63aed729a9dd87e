"""The foundation: storage/schema/0001_foundation.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0001_foundation.sql"


class Migration(migrations.Migration):
    # The rights on Django's session table are granted by the schema, so the table comes first.
    dependencies = [("sessions", "0001_initial")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
