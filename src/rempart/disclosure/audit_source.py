"""What an audit reads: where a log says it stands, and its rows a few at a time.

Refuses to load a log whole: everything is read in pages, so that memory does not grow with the log.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from rempart.disclosure.acts_audit import KeyRow, StatementRow
from rempart.disclosure.segment import SegmentRow, SegmentState
from rempart.disclosure.session import SessionFacts


class CheckpointRow(NamedTuple):
    """One row of `ledger.checkpoint`."""

    size: int
    t_ms: int
    root: bytes
    note: str


class CounterRow(NamedTuple):
    """One row of `ledger.insurer_counter`."""

    size: int
    last: int


class CosignatureRow(NamedTuple):
    """One row of `ledger.cosignature`, without its log."""

    size: int
    witness: str
    t_ms: int
    line: str


class Stray(NamedTuple):
    """A row that lies outside what the head covers."""

    table: str
    row: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """One log's declared state, read at one instant.

    Attributes:
        log_id: The log.
        origin: Its public name.
        vkey: The key that signs its checkpoints.
        size: Entries, as the head says.
        root: The head's root.
        t_ms: The head's time.
        last_checkpoint: Size of the largest checkpoint within the head; 0 when there is none.
        edge_size: Size the kept edge belongs to; None when there is no edge.
        edge_hashes: The kept edge, hashes end to end.
        insurer_counters: By insurer.
        strays: Rows outside what the head covers.
        segment_bits: A segment holds 2**segment_bits leaves.
        segments: The sealed ones, whatever their state.
        keys: The later keys, in the order of `from_size`.
    """

    log_id: int
    origin: str
    vkey: str
    size: int
    root: bytes
    t_ms: int
    last_checkpoint: int = 0
    edge_size: int | None = None
    edge_hashes: bytes = b""
    insurer_counters: Mapping[int, CounterRow] = field(default_factory=dict)
    strays: Sequence[Stray] = ()
    segment_bits: int = 24
    segments: Sequence[SegmentRow] = ()
    keys: Sequence[KeyRow] = ()

    def list_numbers(self, *states: SegmentState) -> frozenset[int]:
        """Return the numbers of the segments in some states."""
        return frozenset(row.segment for row in self.segments if row.state in states)


class LogSource(Protocol):
    """The stored rows of one log."""

    def read_entries(self, start: int, stop: int) -> Sequence[tuple[Any, ...]]:
        """Return the rows of entries [start, stop) that exist, in order, columns as in `Entry`."""

    def read_tiles(self, level: int, start: int, stop: int) -> Mapping[int, bytes]:
        """Return the hashes of tiles [start, stop) of a level that exist, by number."""

    def read_checkpoints(self, after: int, up_to: int, limit: int) -> Sequence[CheckpointRow]:
        """Return the first `limit` checkpoints with after < size <= up_to, smallest first."""

    def read_sessions(self, session_refs: Sequence[int]) -> Iterable[SessionFacts]:
        """Return the sessions among these that exist, in any order."""

    def read_erased(self, start: int, stop: int) -> Sequence[int]:
        """Return the indexes of [start, stop) that are in `ledger.erased`, in order."""

    def read_statements(self, start: int, stop: int) -> Sequence[StatementRow]:
        """Return the statements of indexes [start, stop), in order."""

    def read_cosignatures(self, after: int, up_to: int) -> Sequence[CosignatureRow]:
        """Return the cosignatures of sizes after < size <= up_to, in any order."""
