"""Steps that hold an account or many: storage/schema/0015_steps.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0015_steps.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0014_guard")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
