"""What a backup says of the base it is of. As the owner, in a snapshot that pg_dump shares."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import IsolationLevel

from rempart.disclosure.segment import SegmentRow
from rempart.kernel.errors import Conflict
from rempart.retention.backups import LogHead
from rempart.storage import purges
from rempart.storage.connect import Database, Transaction
from rempart.storage.queries import load_queries
from rempart.storage.segments import list_segments
from rempart.storage.server import list_applied

# Any number nobody else takes as an advisory lock of two halves or one.
_LOCK: Final = 0x52454D50_42414B55

_sql = load_queries("backup_facts")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFacts:
    """The base as a snapshot shows it.

    Attributes:
        snapshot: What pg_dump takes as `--snapshot`; good while the transaction is open.
        made_at: The database's instant.
        server: Version of the server.
        migrations: Those applied, in order.
        standing: How far purges go.
        heads: Where the logs stand.
        segments: Sealed segments that are not dropped.
    """

    snapshot: str
    made_at: datetime
    server: str
    migrations: tuple[str, ...]
    standing: purges.PurgeStanding
    heads: tuple[LogHead, ...]
    segments: tuple[SegmentRow, ...]


def open_snapshot(database: Database) -> Transaction:
    """Return a connection in a snapshot of its own; the caller closes it.

    Raises:
        Conflict: another backup is being made.
    """
    connection = database.connect("owner")
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    row = connection.execute(_sql.lock_backups, {"lock": _LOCK}).fetchone()
    connection.rollback()  # the lock is the session's; the snapshot begins with the next statement
    if row is None or not row[0]:
        connection.close()
        raise Conflict("another backup is being made: wait for its end")
    return connection


def read_facts(tx: Transaction) -> BackupFacts:
    """Read what a backup says of the base."""
    [(snapshot, server, made_at)] = tx.execute(_sql.export_snapshot)
    return BackupFacts(
        snapshot=snapshot,
        made_at=made_at,
        server=server,
        migrations=tuple(list_applied(tx)),
        standing=purges.load_standing(tx),
        heads=tuple(list_heads(tx)),
        segments=tuple(list_segments(tx)),
    )


def list_heads(tx: Transaction) -> list[LogHead]:
    """Return where the logs stand, in order."""
    return [
        LogHead(log_id=log_id, size=size, root=root)
        for log_id, size, root in tx.execute(_sql.list_heads)
    ]
