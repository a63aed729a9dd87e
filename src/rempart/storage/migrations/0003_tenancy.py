"""Tenancy: storage/schema/0003_tenancy.sql, forward only."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).parent.parent / "schema" / "0003_tenancy.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0002_accounts")]
    operations = [migrations.RunSQL(SCHEMA.read_text(encoding="utf-8"))]
