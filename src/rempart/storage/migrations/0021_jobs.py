"""The schema of jobs: the queue's own tables, then storage/schema/0021_jobs.sql; forward only."""

from pathlib import Path

from django.db import migrations

FOLDER = Path(__file__).parent.parent / "schema"
QUEUE = FOLDER / "vendor" / "procrastinate_3_10_0.sql"
SCHEMA = FOLDER / "0021_jobs.sql"


class Migration(migrations.Migration):
    dependencies = [("storage", "0020_authorities")]
    operations = [
        # The queue names its tables without a schema.
        migrations.RunSQL("SET LOCAL search_path = jobs"),
        migrations.RunSQL(QUEUE.read_text(encoding="utf-8")),
        migrations.RunSQL("SET LOCAL search_path = accounts"),
        migrations.RunSQL(SCHEMA.read_text(encoding="utf-8")),
    ]
