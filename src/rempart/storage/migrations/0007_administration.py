"""Administration of people: storage/schema/0007_administration.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0007_administration.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0006_identity_providers")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
