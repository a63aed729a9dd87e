"""Reads the stored ledger for those who check it; writes nothing (see `ledger_writer`).

Every read is one statement with a snapshot of its own: an audit of several hours never stands in
the way of the writers or of the vacuum. Only what takes openings away waits until it has ended.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from rempart.disclosure.acts import ACTS_LOG
from rempart.disclosure.acts_audit import KeyRow, StatementRow
from rempart.disclosure.audit_segments import ErasedGroup
from rempart.disclosure.audit_source import (
    CheckpointRow,
    CosignatureRow,
    CounterRow,
    LogState,
    Stray,
)
from rempart.disclosure.entry import Entry
from rempart.disclosure.segment import SegmentRow
from rempart.disclosure.session import SessionFacts
from rempart.storage.cold_rows import ColdRows
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql = load_queries("ledger")
_segments_sql = load_queries("segments")
_INDEX: Final = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class LedgerState:
    """What the whole ledger declares, at one instant.

    Attributes:
        logs: The logs that have a head, by number.
        headless: The numbers of those that have none.
        sessions: How many sessions there are, for all logs together.
    """

    logs: Sequence[LogState]
    headless: Sequence[int]
    sessions: int


def load_ledger_state(tx: Transaction, log_id: int | None = None) -> LedgerState:
    """Load the declared state of every log, or of one."""
    asked = {"log_id": log_id}
    with tx.cursor(binary=True) as cursor:
        rows = cursor.execute(_sql.load_log_states, asked).fetchall()
        # After the first statement, which reads entries: none leaves the database from here on.
        segments = [SegmentRow(*row) for row in cursor.execute(_segments_sql.list_segments, asked)]
        keys = cursor.execute(_sql.read_keys, asked).fetchall()
    return LedgerState(
        logs=[_make_state(row, segments, keys) for row in rows if row[3] is not None],
        headless=[row[0] for row in rows if row[3] is None],
        sessions=rows[0][-1] if rows else 0,
    )


def find_undeclared_logs(tx: Transaction) -> list[tuple[str, int]]:
    """Return (table, log) for rows whose log is not declared."""
    return tx.execute(_sql.find_undeclared_logs).fetchall()


def find_undeclared_sessions(tx: Transaction, opened_in_files: set[int]) -> list[int]:
    """Return the first hundred sessions that no entry commits to. Slow: reads every entry.

    Args:
        tx: The transaction.
        opened_in_files: Sessions whose entry is in a segment's file.
    """
    found = (ref for (ref,) in tx.execute(_sql.find_undeclared_sessions))
    return [ref for ref in found if ref not in opened_in_files][:100]


def find_loose_rows(tx: Transaction) -> list[tuple[str, int, int]]:
    """Return (table, log, size) of rows whose checkpoint is not kept."""
    return tx.execute(_sql.find_loose_rows).fetchall()


def read_acts_rows(tx: Transaction) -> tuple[list[Entry], list[StatementRow]]:
    """Return the acts that segments, erasures and keys rest on: entries and statements."""
    with tx.cursor(binary=True) as cursor:
        rows = cursor.execute(_sql.read_acts, {"log_id": ACTS_LOG}).fetchall()
    entries = [Entry(*row[:-1]) for row in rows]
    return entries, [StatementRow(row[1], row[2], row[-1]) for row in rows if row[-1] is not None]


def read_erased_groups(tx: Transaction, log_id: int | None) -> Iterator[ErasedGroup]:
    """Yield what is listed as erased, act by act, of one log or of all."""
    rows = tx.execute(_sql.list_erased_by_act, {"log_id": log_id})
    for (act_log, act_idx, log), group in groupby(rows, key=lambda row: row[:3]):
        digest, count, first = hashlib.sha256(), 0, 0
        for row in group:
            first = first if count else row[3]
            count += 1
            digest.update(_INDEX.pack(row[3] & (1 << 64) - 1))
        yield ErasedGroup(log, act_log, act_idx, first, count, digest.hexdigest())


def find_hot_entries(tx: Transaction, log_id: int, start: int, stop: int) -> list[int]:
    """Return the first hundred entries of [start, stop) that are in the database."""
    values = {"log_id": log_id, "start": start, "stop": stop}
    return [index for (index,) in tx.execute(_sql.find_hot_entries, values)]


class StoredLog:
    """The rows of one log: a `disclosure.audit_source.LogSource`."""

    def __init__(self, tx: Transaction, log_id: int, cold: ColdRows | None = None) -> None:
        self._cursor = tx.cursor(binary=True)
        self._log_id = log_id
        self._cold = cold

    def read_entries(self, start: int, stop: int) -> Sequence[tuple[Any, ...]]:
        """Return the rows of entries [start, stop) that exist, in order.

        Rows of a cold segment are read forward, once.
        """
        if self._cold is None:
            return self._fetch(_sql.read_entries, start=start, stop=stop)
        rows: list[tuple[Any, ...]] = []
        for first, end, is_cold in self._cold.cut(start, stop):
            if is_cold:
                rows += self._cold.read(first, end)
            else:
                rows += self._fetch(_sql.read_entries, start=first, stop=end)
        return rows

    def read_erased(self, start: int, stop: int) -> Sequence[int]:
        """Return the indexes of [start, stop) that are listed as erased, in order."""
        return [row[0] for row in self._fetch(_segments_sql.list_erased, start=start, stop=stop)]

    def read_statements(self, start: int, stop: int) -> Sequence[StatementRow]:
        """Return the statements of indexes [start, stop), in order."""
        rows = self._fetch(_sql.read_statements, start=start, stop=stop)
        return [StatementRow(*row) for row in rows]

    def read_cosignatures(self, after: int, up_to: int) -> Sequence[CosignatureRow]:
        """Return the cosignatures of checkpoints with after < size <= up_to."""
        rows = self._fetch(_sql.read_cosignatures, after=after, up_to=up_to)
        return [CosignatureRow(*row) for row in rows]

    def read_tiles(self, level: int, start: int, stop: int) -> Mapping[int, bytes]:
        """Return the tiles [start, stop) of a level that exist."""
        return dict(self._fetch(_sql.read_tiles, level=level, start=start, stop=stop))

    def read_checkpoints(self, after: int, up_to: int, limit: int) -> Sequence[CheckpointRow]:
        """Return the first checkpoints with after < size <= up_to."""
        rows = self._fetch(_sql.read_checkpoints, after=after, up_to=up_to, limit=limit)
        return [CheckpointRow(*row) for row in rows]

    def read_sessions(self, session_refs: Sequence[int]) -> Iterable[SessionFacts]:
        """Return the sessions among these that exist."""
        rows = self._fetch(_sql.read_sessions, session_refs=list(session_refs))
        return [SessionFacts(*row) for row in rows]

    def _fetch(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._cursor.execute(query, {"log_id": self._log_id, **parameters}).fetchall()


def _make_state(
    row: tuple[Any, ...], segments: Iterable[SegmentRow], keys: Iterable[tuple[Any, ...]]
) -> LogState:
    (log_id, origin, vkey, size, root, t_ms, last_checkpoint, bits) = row[:8]
    (edge_size, edge_hashes, counters, entries, checkpoints, tiles, statements) = row[8:15]
    return LogState(
        log_id=log_id,
        origin=origin,
        vkey=vkey,
        size=size,
        root=root,
        t_ms=t_ms,
        last_checkpoint=last_checkpoint,
        edge_size=edge_size,
        edge_hashes=edge_hashes or b"",
        insurer_counters={ref: CounterRow(at, last) for ref, at, last in counters},
        strays=[
            *(Stray("entry", {"idx": index}) for index in entries),
            *(Stray("checkpoint", {"size": at}) for at in checkpoints),
            *(Stray("tile", {"level": level, "n": n}) for level, n in tiles),
            *(Stray("statement", {"idx": index}) for index in statements),
        ],
        segment_bits=bits,
        segments=[one for one in segments if one.log_id == log_id],
        keys=[KeyRow(*key[1:]) for key in keys if key[0] == log_id],
    )
