"""Bring a database's schema forward, in a process of its own.

A process of its own because Django's settings are one per process, and the portals (and the tests)
already have theirs. Migrations only go forward; each is one transaction, so a crash leaves the last
complete one.
"""

import json
import os
import subprocess
import sys

from rempart.kernel.errors import SetupError
from rempart.storage.connect import Database


def migrate(database: Database) -> list[str]:
    """Apply the migrations that are missing; return their names, in order.

    Raises:
        SetupError: a migration failed; the schema is that of the one before.
    """
    request = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database.name,
        "USER": database.user("owner"),
        "PASSWORD": database.passwords["owner"],
        "HOST": database.address.get("host", ""),
        "PORT": database.address.get("port", ""),
        "OPTIONS": {
            key: value for key, value in database.way.items() if key not in {"host", "port"}
        },
    }
    done = subprocess.run(
        [sys.executable, "-m", "rempart.storage.migrate"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = _find_reason(done.stderr)
        raise SetupError(f"the schema of {database.name} could not be brought forward: {reason}")
    return done.stdout.split()


def _find_reason(written: str) -> str:
    """Return the line that names the error: PostgreSQL adds the place in the SQL below it."""
    lines = written.strip().splitlines() or ["no message"]
    named = [line for line in lines if line.startswith(("django.db.", "psycopg."))]
    return (named or lines)[-1]


def _migrate_this_process(parameters: dict[str, object]) -> list[str]:
    os.environ["DJANGO_SETTINGS_MODULE"] = "rempart.storage.django_settings"
    import django
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    django.setup()
    connections.settings["default"].update(parameters)
    executor = MigrationExecutor(connections["default"])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    executor.migrate(executor.loader.graph.leaf_nodes(), plan=plan)
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


if __name__ == "__main__":
    for applied in _migrate_this_process(json.load(sys.stdin)):
        print(applied)
