"""What is not known is not said: storage/schema/0040_not_known.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0040_not_known.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0039_cuts_told")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
