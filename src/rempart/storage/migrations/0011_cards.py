"""Cards: storage/schema/0011_cards.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0011_cards.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0010_session_devices")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
