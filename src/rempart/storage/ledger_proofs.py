"""The rows a proof is made of: an entry, checkpoints with their witnesses.

Reads only. What it may read of an entry depends on the role: an auditor the whole, a person's page
what the database opens of the entries about that person.
"""

from dataclasses import dataclass
from typing import Final

from rempart.disclosure.entry import Entry
from rempart.disclosure.opening import Opening, What, Who
from rempart.disclosure.session import SessionFacts
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("ledger_proofs")
_ENTRY_WIDTH: Final = len(Entry._fields)


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """A kept checkpoint: its size, the log's own note, the lines of witnesses."""

    size: int
    log_note: str
    lines: tuple[str, ...]

    @property
    def note(self) -> str:
        """The note with the witnesses' lines after the log's own."""
        return self.log_note + "".join(f"{line.rstrip(chr(10))}\n" for line in self.lines)


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a proof of an entry leads to."""

    origin: str
    checkpoint: Checkpointed


@dataclass(frozen=True, slots=True)
class WholeEntry:
    """An entry with what it commits to beside."""

    entry: Entry
    statement: str | None
    session: SessionFacts | None


def find_anchor(tx: Transaction, log_id: int, index: int) -> Anchor | None:
    """Return the checkpoint that a proof of an entry leads to; None when no log has one."""
    row = tx.execute(QUERIES.find_anchor, {"log_id": log_id, "index": index}).fetchone()
    if row is None:
        return None
    origin, size, note, lines = row
    return Anchor(origin, Checkpointed(size, note, tuple(lines)))


def find_checkpoints(tx: Transaction, log_id: int, size: int) -> list[Checkpointed]:
    """Return the checkpoints nearest to a size: one when it is kept, up to two otherwise."""
    rows = tx.execute(QUERIES.find_checkpoints, {"log_id": log_id, "size": size})
    return [Checkpointed(row[0], row[1], tuple(row[2])) for row in rows]


def load_entry(tx: Transaction, log_id: int, index: int) -> WholeEntry | None:
    """Return an entry, None when its opening is not in the database."""
    with tx.cursor(binary=True) as cursor:
        row = cursor.execute(QUERIES.load_entry, {"log_id": log_id, "index": index}).fetchone()
    if row is None:
        return None
    statement, *facts = row[_ENTRY_WIDTH:]
    return WholeEntry(
        Entry(*row[:_ENTRY_WIDTH]), statement, SessionFacts(*facts) if facts[0] else None
    )


def load_session(tx: Transaction, session_ref: int) -> SessionFacts | None:
    """Return the facts of a session; None once they are gone."""
    row = tx.execute(QUERIES.load_session, {"session_ref": session_ref}).fetchone()
    return None if row is None else SessionFacts(*row)


def explain_absence(tx: Transaction, log_id: int, index: int) -> str | None:
    """Say why an opening is not there: `erased`, `cold`, `dropped`… or None."""
    row = tx.execute(QUERIES.explain_absence, {"log_id": log_id, "index": index}).fetchone()
    return None if row is None else row[0]


def open_my_entry(tx: Transaction, log_id: int, index: int) -> Opening | None:
    """Return what the visitor may be shown of an entry about them; None for any other entry."""
    with tx.cursor(binary=True) as cursor:
        row = cursor.execute(QUERIES.open_my_entry, {"log_id": log_id, "index": index}).fetchone()
    if row is None:
        return None
    kind, t_ms, *rest = row
    return Opening(
        kind=kind,
        t_ms=t_ms,
        who=Who(*rest[:4]),
        whom=bytes(rest[4]),
        what=What(*rest[5:]),
    )
