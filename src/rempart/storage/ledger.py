"""Reads the stored ledger for those who check it; writes nothing (see `ledger_writer`).

Every read is one statement: between two statements nothing is held, so that a verification of
several hours never stands in the way of the writer or of the vacuum.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.disclosure.audit_source import CheckpointRow, CounterRow, LogState, Stray
from rempart.disclosure.session import SessionFacts
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql = load_queries("ledger")


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
    with tx.cursor(binary=True) as cursor:
        rows = cursor.execute(_sql.load_log_states, {"log_id": log_id}).fetchall()
    return LedgerState(
        logs=[_make_state(row) for row in rows if row[3] is not None],
        headless=[row[0] for row in rows if row[3] is None],
        sessions=rows[0][-1] if rows else 0,
    )


def find_undeclared_logs(tx: Transaction) -> list[tuple[str, int]]:
    """Return (table, log) for rows whose log is not declared."""
    return tx.execute(_sql.find_undeclared_logs).fetchall()


def find_undeclared_sessions(tx: Transaction) -> list[int]:
    """Return the first hundred sessions that no entry commits to. Slow: reads every entry."""
    return [session_ref for (session_ref,) in tx.execute(_sql.find_undeclared_sessions)]


class StoredLog:
    """The rows of one log: a `disclosure.audit_source.LogSource`."""

    def __init__(self, tx: Transaction, log_id: int) -> None:
        self._cursor = tx.cursor(binary=True)
        self._log_id = log_id

    def read_entries(self, start: int, stop: int) -> Sequence[tuple[Any, ...]]:
        """Return the rows of entries [start, stop) that exist, in order."""
        return self._fetch(_sql.read_entries, start=start, stop=stop)

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


def _make_state(row: tuple[Any, ...]) -> LogState:
    (log_id, origin, vkey, size, root, t_ms, last_checkpoint) = row[:7]
    (edge_size, edge_hashes, counters, entries, checkpoints, tiles, _sessions) = row[7:]
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
        ],
    )
