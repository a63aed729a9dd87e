"""The schema of campaigns of notices: storage/schema/0027_notices.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0027_notices.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0026_told")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
