"""Identity providers: storage/schema/0006_identity_providers.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0006_identity_providers.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0005_bank_details")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
