"""Children on two adults' cards: the database says what may be, and tells no caller of whom.

Refuses to return a person: a caller knows cards and lines.
"""

from typing import Any, Final, Literal, TypeAlias, cast

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("card_sharing")

SharingOutcome: TypeAlias = Literal[
    "done", "unknown", "apart", "together", "no_line", "adult", "last", "already"
]


def share_child(tx: Transaction, serial: bytes, line: int, with_serial: bytes) -> SharingOutcome:
    """Put the child on a line of a card on another adult's too; say what came of it."""
    values = {"serial": serial, "line": line, "with_serial": with_serial}
    return _read(tx.execute(QUERIES.share_child, values).fetchone())


def unshare_child(tx: Transaction, serial: bytes, line: int) -> SharingOutcome:
    """Take the child on a line of a card off it; say what came of it."""
    return _read(tx.execute(QUERIES.unshare_child, {"serial": serial, "line": line}).fetchone())


def _read(row: Any) -> SharingOutcome:
    return cast("SharingOutcome", row[0])
