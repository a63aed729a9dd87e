"""Shows a version of an insurer's rights, whatever made it: a file, or movements of employers."""

from datetime import date

from rempart.storage import feeds, identity
from rempart.storage.connect import Transaction
from rempart.workflows.feeds.sweep_former_members import sweep_former_members


def publish_version(
    tx: Transaction,
    insurer_id: int,
    feed_version: int,
    *,
    rows_done: int,
    today: date,
    sweeps: bool = True,
) -> int:
    """Settle what could not show before, show the version at the commit, and sweep who left.

    Args:
        tx: A transaction of the role `feeds` that holds the insurer's lock.
        insurer_id: Whose.
        feed_version: The pending version, whole.
        rows_done: Rows of it.
        today: Paris civil date.
        sweeps: Whether somebody may have left: not in the first feed of an insurer.

    Returns:
        How many people left the gateway's reach.
    """
    identity.forget_never_covered(tx, feed_version)
    feeds.retire_keys(tx, feed_version)
    identity.apply_pending_persons(tx, feed_version)
    feeds.admit_members(tx, feed_version)
    feeds.publish(tx, feed_version, rows_done=rows_done)
    identity.forget_version(tx, feed_version)
    if not sweeps:
        return 0
    return sweep_former_members(tx, today, insurer_ids=[insurer_id]).people
