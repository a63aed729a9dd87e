"""An installation whose base is backed up and restored in tests."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.archive_samples import begin_log, list_segments, write_entries

from rempart.disclosure.differences import Difference
from rempart.disclosure.segment import SegmentRow
from rempart.exchange.backup_sealing import Identities, draw_backup_key
from rempart.kernel.errors import RempartError
from rempart.retention.backups import BackupManifest
from rempart.storage import segments
from rempart.storage.connect import Database
from rempart.storage.restored_base import drop_base, list_bases
from rempart.wiring.backups import RECIPIENTS, back_up, open_backup_means, open_restore_means
from rempart.wiring.database import Installation
from rempart.wiring.home import Home
from rempart.wiring.segments import open_archive
from rempart.wiring.settings import Settings
from rempart.workflows.backups.make_backup import BackupMeans, load_backup
from rempart.workflows.backups.restore_backup import Restored, RestoreMeans, restore_backup
from rempart.workflows.ledger.audit_ledger import audit_ledger
from rempart.workflows.ledger.seal_segment import Archive


@dataclass(slots=True, kw_only=True)
class Kept:
    """An installation, the key of its backups, and what is done with them."""

    at: Installation
    identities: Identities
    folder: Path
    said: list[str]
    restorations: int = 0

    @property
    def archive(self) -> Archive:
        return open_archive(self.at)

    @property
    def means(self) -> BackupMeans:
        return open_backup_means(self.at, self.said.append)

    @property
    def backups(self) -> Path:
        return self.folder / "backups"

    def make(self) -> BackupManifest:
        manifest, _swept = back_up(self.at, self.said.append)
        return manifest

    def open_restore(self, identities: Identities | None = None) -> RestoreMeans:
        return open_restore_means(
            self.at, identities or self.identities, self.folder / "beside", self.said.append
        )

    def restore(self, backup_id: str = "latest", *, means: RestoreMeans | None = None) -> Restored:
        means = means or self.open_restore()
        self.restorations += 1
        return restore_backup(
            means,
            self.at.database,
            load_backup(means.store, means.verifier, backup_id),
            replace=True,
            stamp=str(self.restorations),
        )

    def list_segments(self) -> list[SegmentRow]:
        with self.at.database.transaction("owner") as tx:
            return segments.list_segments(tx, 1)


def set_up(settings: Settings, home: Home, database: Database, folder: Path) -> Kept:
    """Return an installation with a small ledger and a key for its backups."""
    folder.mkdir(exist_ok=True)
    settings = replace(
        settings, backups=str(folder / "backups"), segments=str(folder / "segments"), segment_bits=8
    )
    key = draw_backup_key()
    (home.path / RECIPIENTS).write_text(f"# for tests\n{key.recipient}\n")
    return Kept(
        at=Installation(settings=settings, home=home, database=database),
        identities=Identities.parse(key.secret),
        folder=folder,
        said=[],
    )


@contextlib.contextmanager
def dropping_what_is_beside(database: Database) -> Iterator[None]:
    """Drop the bases that restorations leave beside one."""
    try:
        yield
    finally:
        for base in list_bases(database):
            if base.name != database.name:
                drop_base(database, base.name)


def write_ledger(database: Database, size: int) -> None:
    """Give a base log 1 of small segments with so many entries."""
    begin_log(database)
    write_entries(database, size)


def place_hold(database: Database) -> int:
    """Keep all the evidence there is; return the hold's number."""
    with database.transaction("owner") as tx:
        [(number,)] = tx.execute(
            "INSERT INTO retention.hold (kind, from_ms, to_ms, reason, placed_by)"
            " VALUES ('judicial', 0, 9000000000000, 'x', 'x') RETURNING hold_ref"
        )
    return int(number)


_ALL_BUT_THE_LAST = """
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "rempart.storage.django_settings"
import django
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
django.setup()
connections.settings["default"].update(json.load(sys.stdin))
executor = MigrationExecutor(connections["default"])
plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
last = [one for one, _ in plan if one.app_label == "storage"][-1]
executor.migrate(list(last.dependencies))
print(last.name)
"""


def migrate_but_the_last(database: Database) -> str:
    """Bring an empty base to the schema of an earlier version; return the migration it lacks."""
    request = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database.name,
        "USER": database.user("owner"),
        "PASSWORD": database.passwords["owner"],
        "HOST": database.address["host"],
        "PORT": database.address["port"],
    }
    done = subprocess.run(
        [sys.executable, "-c", _ALL_BUT_THE_LAST],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def find(kept: Kept) -> list[Difference]:
    with kept.at.database.transaction("auditor") as tx:
        return audit_ledger(tx, store=kept.archive.store).differences


def ask(kept: Kept, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with kept.at.database.transaction("owner") as tx:
        return tx.execute(statement, list(values) or None).fetchall()  # type: ignore[arg-type]


def list_readable(kept: Kept, *indexes: int) -> list[int]:
    """Return which openings are readable, in the base or in a file that it names."""
    found = {
        index
        for (index,) in ask(
            kept,
            "SELECT idx FROM ledger.entry WHERE log_id = 1 AND idx = ANY (%s)",
            list(indexes),
        )
    }
    for row in list_segments(kept.at.database):
        if row.state != "dropped":
            for name in (row.by_account_name, row.by_person_name):
                for batch in kept.archive.store.read_batches(name, ["idx"]):
                    found |= set(batch.column("idx").to_pylist())
    return sorted(found & set(indexes))


def refuse(kept: Kept, kind: type[RempartError], match: str, **options: Any) -> None:
    """See that a restoration is refused and that the base in place is as it was."""
    before = ask(kept, "SELECT log_id, size, root FROM ledger.head ORDER BY 1")
    with pytest.raises(kind, match=match):
        kept.restore(**options)
    assert ask(kept, "SELECT log_id, size, root FROM ledger.head ORDER BY 1") == before
    for base in list_bases(kept.at.database):
        if base.name != kept.at.database.name:
            closed = kept.at.database.renamed(base.name)
            with pytest.raises(RempartError), closed.transaction("gateway"):
                pass
