"""The schema of an insurer's own space: storage/schema/0030_insurer_space.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0030_insurer_space.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0029_member_space")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
