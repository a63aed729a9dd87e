"""Accounts: storage/schema/0002_accounts.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0002_accounts.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0001_foundation")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
