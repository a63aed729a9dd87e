"""Sealed segments and erased openings in the database, as the archivist sees and changes them.

Refuses nothing itself: the functions of schema/0009 refuse whatever the acts log does not state.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.rows import TupleRow

from rempart.disclosure.acts import Statement
from rempart.disclosure.segment import SegmentRow
from rempart.kernel.errors import Conflict, Unavailable
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql = load_queries("segments")
_audit_sql = load_queries("ledger")
# Rows taken from the server at a time while a segment is read.
_FETCHED: Final = 1 << 16
_cursors = itertools.count(1)


class Sealable(NamedTuple):
    """A segment that is complete and not sealed."""

    log_id: int
    origin: str
    segment: int
    bits: int


class LogShape(NamedTuple):
    """What sealing and erasing know of a log."""

    origin: str
    bits: int
    last_checkpoint: int


class Opening(NamedTuple):
    """An opening that is in the database."""

    idx: int
    kind: int
    t_ms: int


def list_sealable(
    tx: Transaction, *, log_id: int | None = None, segment: int | None = None
) -> list[Sealable]:
    """Return the segments to be sealed, in order."""
    rows = tx.execute(_sql.list_sealable, {"log_id": log_id, "segment": segment})
    return [Sealable(*row) for row in rows]


def list_segments(tx: Transaction, log_id: int | None = None) -> list[SegmentRow]:
    """Return the sealed segments of one log or of all, in order, whatever their state."""
    return [SegmentRow(*row) for row in tx.execute(_sql.list_segments, {"log_id": log_id})]


def load_shape(tx: Transaction, log_id: int) -> LogShape | None:
    """Return what is known of a log; None when there is none of that number."""
    row = tx.execute(_sql.load_log, {"log_id": log_id}).fetchone()
    return LogShape(*row) if row else None


def read_by_account(
    tx: Transaction, log_id: int, start: int, stop: int
) -> Iterator[Sequence[TupleRow]]:
    """Yield the entries [start, stop) sorted by account, some at a time; the server sorts them."""
    with tx.cursor(name=f"segment_{next(_cursors)}") as cursor:
        cursor.execute(
            _sql.read_by_account, {"log_id": log_id, "start": start, "stop": stop}, binary=True
        )
        while rows := cursor.fetchmany(_FETCHED):
            yield rows


def read_tiles(tx: Transaction, log_id: int, level: int, span: range) -> Mapping[int, bytes]:
    """Return the tiles of a level that exist, by number."""
    values = {"log_id": log_id, "level": level, "start": span.start, "stop": span.stop}
    with tx.cursor(binary=True) as cursor:
        return dict(cursor.execute(_audit_sql.read_tiles, values).fetchall())


def list_present(tx: Transaction, log_id: int, indexes: Sequence[int]) -> list[Opening]:
    """Return which of some openings are in the database."""
    rows = tx.execute(_sql.list_present, {"log_id": log_id, "indexes": list(indexes)})
    return [Opening(*row) for row in rows]


def list_erased(tx: Transaction, log_id: int, start: int, stop: int) -> list[int]:
    """Return which openings of [start, stop) were erased, in order."""
    values = {"log_id": log_id, "start": start, "stop": stop}
    return [index for (index,) in tx.execute(_sql.list_erased, values)]


def find_act(tx: Transaction, statement: Statement) -> int | None:
    """Return the index of the last act that states exactly this; None when there is none."""
    row = tx.execute(_sql.find_act, {"kind": statement.kind, "body": statement.body}).fetchone()
    return row[0] if row else None


def save_segment(tx: Transaction, act: int) -> None:
    """Write down what a SEAL act states: a segment sealed, or its files replaced."""
    tx.execute(_sql.save_segment, {"act": act})


def cool_segment(tx: Transaction, log_id: int, segment: int) -> None:
    """Take a sealed segment's rows out of the database.

    Raises:
        Unavailable: somebody reads the ledger; nothing was done.
    """
    _alone(tx, _sql.cool_segment, log_id=log_id, segment=segment)


def drop_segment(tx: Transaction, act: int, session_refs: Sequence[int]) -> None:
    """Drop the segment an ERASE act names, and sessions opened in it; the files are the caller's.

    Raises:
        Conflict: a hold of evidence keeps it.
        Unavailable: somebody reads the ledger; nothing was done.
    """
    _alone(tx, _sql.drop_segment, act=act, sessions=list(session_refs))


def erase_openings(tx: Transaction, act: int, indexes: Sequence[int]) -> None:
    """Erase the openings an ERASE act states.

    Raises:
        Conflict: a hold of evidence keeps it.
        Unavailable: somebody reads the ledger; nothing was done.
    """
    _alone(tx, _sql.erase_openings, act=act, indexes=list(indexes))


def _alone(tx: Transaction, query: str, **values: Any) -> None:
    """Do what needs the ledger for a moment: writers wait behind us, so we do not wait long."""
    tx.execute(_sql.wait_briefly)
    try:
        tx.execute(query, values)
    except psycopg.errors.LockNotAvailable as failure:
        raise Unavailable(
            "somebody is reading the ledger (an audit, a long question): run the command again "
            "when they have finished; what was done before stays"
        ) from failure
    except psycopg.errors.ObjectInUse as refusal:
        # Placed since the caller looked: what it had said is carried out once it is released.
        raise Conflict(
            f"{refusal.diag.message_primary}: an inquiry needs it; have it released first "
            "(`rempart incident holds`), and run the same again"
        ) from refusal
