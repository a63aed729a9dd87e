"""The schema of exposure: storage/schema/0017_exposure.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0017_exposure.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0016_alerts")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
