"""What makes the ledger provable: storage/schema/0009_ledger_proofs.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0009_ledger_proofs.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0008_second_person")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
