"""Sessions bound to a device: storage/schema/0010_session_devices.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0010_session_devices.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0009_ledger_proofs")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
