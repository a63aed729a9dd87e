"""The schema of authorities: storage/schema/0020_authorities.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0020_authorities.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0019_packages")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
