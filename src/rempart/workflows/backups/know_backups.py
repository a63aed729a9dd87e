"""Write in the base what is in the store of backups: the pages cannot read the store.

A base that was restored learns at the next backup what was made after the one it comes from.
Refuses to be what a restoration relies on: that reads the signed manifests only.
"""

from collections.abc import Sequence

from rempart.retention.backups import BackupManifest, compute_end
from rempart.storage import known_backups
from rempart.storage.connect import Transaction

__all__ = ["know_backups", "tell_tried", "tell_verified"]

tell_tried = known_backups.mark_tried
tell_verified = known_backups.mark_verified


def know_backups(tx: Transaction, manifests: Sequence[BackupManifest], *, keep_days: int) -> None:
    """Write which backups the store holds; those it does not are marked as removed.

    Args:
        tx: A transaction of the archivist.
        manifests: Those of the store, any order.
        keep_days: After how many days no backup is kept.
    """
    for one in manifests:
        until = compute_end(one.made_at, keep_days=keep_days).date()
        known_backups.save_backup(tx, one, until)
    known_backups.mark_removed(tx, [one.backup_id for one in manifests])
