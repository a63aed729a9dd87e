"""The schema of the member's space: storage/schema/0029_member_space.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0029_member_space.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0028_concerned")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
