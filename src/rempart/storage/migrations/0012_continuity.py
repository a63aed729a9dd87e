"""What still works while something is cut: storage/schema/0012_continuity.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0012_continuity.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0011_cards")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
