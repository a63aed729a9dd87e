"""The schema of room: storage/schema/0018_room.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0018_room.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0017_exposure")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
