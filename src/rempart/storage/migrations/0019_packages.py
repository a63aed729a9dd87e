"""The schema of packages: storage/schema/0019_packages.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0019_packages.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0018_room")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
