"""What this base knows of the store of backups, as rows. Role: archivist."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from rempart.retention.backups import BackupManifest
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("known_backups")


def save_backup(tx: Transaction, manifest: BackupManifest, kept_until: date) -> None:
    """Write a backup of the store, or until when it is kept now."""
    values = {
        "backup": manifest.backup_id,
        "made_at": manifest.made_at,
        "bytes": manifest.size,
        "program": manifest.program,
        "purge": manifest.purge,
        "kept_until": kept_until,
    }
    tx.execute(_sql.save_backup, values)


def mark_removed(tx: Transaction, kept: Iterable[str]) -> None:
    """Write that every backup but these is not in the store any more."""
    tx.execute(_sql.mark_removed, {"kept": list(kept)})


def mark_verified(tx: Transaction, backup_id: str) -> None:
    """Write that a backup's files were read whole and are as written."""
    tx.execute(_sql.mark_verified, {"backup": backup_id})


def mark_tried(tx: Transaction, backup_id: str, *, took_s: int, purges: int) -> None:
    """Write that a backup was restored beside everything."""
    values = {"backup": backup_id, "took_s": took_s, "purges": purges}
    tx.execute(_sql.mark_tried, values)
