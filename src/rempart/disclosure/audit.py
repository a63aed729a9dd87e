"""Recompute a whole log from its stored rows, and say where it is not what was recorded.

Two records of each leaf are compared: the row, and its hash in a tile (or in the kept edge). When
they disagree, a tree is grown from each, and the next signed checkpoint says which one is right.

Refuses to stop at the first difference, and to trust the database about anything that a hash or a
signature can show.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from rempart.disclosure.acts import Erase, KeyChange, Seal
from rempart.disclosure.acts_audit import PlacedAct, read_acts
from rempart.disclosure.audit_checkpoints import CheckpointKeys
from rempart.disclosure.audit_report import AuditReport
from rempart.disclosure.audit_source import CheckpointRow, CosignatureRow, LogSource, LogState
from rempart.disclosure.checkpoint import Checkpoint
from rempart.disclosure.cosignature import CosignatureVerifier
from rempart.disclosure.differences import Difference
from rempart.disclosure.entry import Entry, Kind, compute_leaf_hashes
from rempart.disclosure.note import NoteRefused
from rempart.disclosure.numbering import Numbering
from rempart.disclosure.recovery import recover_entry
from rempart.disclosure.segment import SegmentState
from rempart.disclosure.session import commits_to
from rempart.disclosure.tree import HASH_SIZE, TILE_WIDTH, Tile, Tree, split_hashes, tile_width

# Entries read at a time.
PAGE = 32 * TILE_WIDTH
# Checkpoints read at a time.
CHECKPOINT_PAGE = 1000
# Damaged rows for which the changed column is looked for: a tenth of a second each.
RECOVERIES = 32

# A row, or None where there is none that can be trusted.
Slot: TypeAlias = tuple[Any, ...] | None
# A leaf hash, or None where it is not known.
Leaf: TypeAlias = bytes | None


class LogAudit:
    """One audit of one log: run it once.

    Attributes:
        entries, tiles, checkpoints, sessions: How many were read and checked so far.
        erased: How many openings were erased, one by one or with their segment.
        acts: The acts of this log that others rest on: erasures, seals, keys.
    """

    def __init__(
        self,
        state: LogState,
        source: LogSource,
        *,
        witnesses: Mapping[str, CosignatureVerifier] | None = None,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.entries = self.tiles = self.checkpoints = self.sessions = self.erased = 0
        self.acts: list[PlacedAct] = []
        self._state = state
        self._source = source
        self._on_progress = on_progress
        self._report = AuditReport(
            state.log_id,
            cold=state.list_numbers(SegmentState.COLD),
            segment_bits=state.segment_bits,
        )
        self._dropped = state.list_numbers(SegmentState.DROPPED)
        self._numbering = Numbering(self._report.number)
        self._by_rows = Tree()
        # The tree by tiles and edge, while it is another one.
        self._by_record: Tree | None = None
        # Index of the first leaf that neither row nor record gives.
        self._lost_at: int | None = None
        # Upper tiles met while it is not known which tree is right: by rows, by record, as stored.
        self._open_tiles: list[tuple[Tile, Tile, bytes]] = []
        self._checkpoints: list[CheckpointRow] = []
        self._checkpoint_read = 0
        self._cosignatures: dict[int, list[CosignatureRow]] = {}
        # Entries that something else commits to or rests on: sessions and acts.
        self._special: list[Entry] = []
        self._counters_left = set(state.insurer_counters)
        self._counters_wrong: set[int] = set()
        self._recoveries_left = RECOVERIES
        self._last_slot: Slot = None
        self._keys = CheckpointKeys(state, witnesses or {})
        if self._keys.fault:
            self._report.log_key(self._keys.fault)
        self._edge = self._parse_edge()

    def run(self) -> Iterator[Difference]:
        """Read the log from its first entry to its head; yield differences as they are found."""
        for stray in self._state.strays:
            self._report.stray(stray.table, stray.row)
        for start in range(0, self._state.size, PAGE):
            stop = min(start + PAGE, self._state.size)
            self._check_page(start, stop)
            self.entries = stop
            self._on_progress(stop)
            yield from self._report.drain()
        self._check_head()
        self._check_counters_left()
        self._report.finish(self.checkpoints)
        yield from self._report.drain()

    def _parse_edge(self) -> list[bytes]:
        """Return the kept edge, or nothing when it cannot be what the last checkpoint left."""
        size, expected = self._state.edge_size, self._state.last_checkpoint
        if size is None:
            if expected:
                self._report.edge((), "missing_row", "the edge of the last checkpoint is missing")
            return []
        if size != expected:
            self._report.edge(("size",), "edge", "the edge is not that of the last checkpoint")
            return []
        if len(self._state.edge_hashes) != HASH_SIZE * tile_width(size, 0):
            self._report.edge(("hashes",), "edge", "the edge has not the width its size demands")
            return []
        return split_hashes(self._state.edge_hashes)

    # ------------------------------------------------------------ entries

    def _check_page(self, start: int, stop: int) -> None:
        rows: Sequence[Slot] = self._source.read_entries(start, stop)
        erased = self._source.read_erased(start, stop)
        if erased or len(rows) < stop - start:
            rows = self._explain(start, stop, rows, erased)
        computed = _hash_rows(rows)
        tiles = self._source.read_tiles(0, start // TILE_WIDTH, stop // TILE_WIDTH)
        for first in range(start, stop, TILE_WIDTH):
            block = slice(first - start, first - start + TILE_WIDTH)
            self._check_block(first, rows[block], computed[block], tiles.get(first // TILE_WIDTH))
        special, self._special = self._special, []
        self._check_sessions([entry for entry in special if entry.kind == Kind.SESSION])
        self._check_statements(start, stop, special)

    def _explain(
        self, start: int, stop: int, rows: Sequence[Slot], erased: Sequence[int]
    ) -> list[Slot]:
        """Put rows in their places; tell which are missing without a reason, or there without."""
        found = {row[1]: row for row in rows if row is not None}
        gone = set(erased)
        for index in sorted(gone & found.keys()):
            self._report.not_erased(index)
        absent = [index for index in range(start, stop) if index not in found]
        missing = [
            index
            for index in absent
            if index not in gone and index >> self._state.segment_bits not in self._dropped
        ]
        self.erased += len(absent) - len(missing)
        self._report.missing_entries(missing)
        return [found.get(index) for index in range(start, stop)]

    def _check_block(
        self, first: int, rows: Sequence[Slot], computed: Sequence[Leaf], tile: bytes | None
    ) -> None:
        """Check the leaves of one tile: rows against the tile, then what is built on them."""
        edge = self._edge if first == self._state.last_checkpoint - len(self._edge) else []
        recorded = self._read_record(first, len(rows), tile) or _widen(edge, len(rows))
        for mine, theirs, kept in zip(computed, recorded, edge, strict=False):
            if kept not in (mine, theirs):
                self._report.edge(("hashes",), "edge", "the edge is not what rows and tiles say")
                break
        by_record = computed
        if recorded != computed:
            source = first // TILE_WIDTH if tile else None
            rows, computed, by_record = self._compare(first, rows, computed, recorded, source)
        if self._by_record is None and by_record != computed:
            self._by_record = self._by_rows.copy()
        self._special += (Entry(*row) for row in rows if row and row[2] >= Kind.BULK)
        offset = 0
        while offset < len(rows):
            checkpoint = self._next_checkpoint(first + len(rows))
            end = checkpoint.size - first if checkpoint else len(rows)
            self._numbering.follow(first + offset, rows[offset:end])
            self._grow(computed[offset:end], by_record[offset:end])
            self._last_slot = rows[end - 1]
            if checkpoint:
                self._check_checkpoint(checkpoint)
            offset = end

    def _read_record(self, first: int, count: int, tile: bytes | None) -> list[Leaf]:
        """Return what the tile recorded of its leaves; nothing when it is unfinished or wrong."""
        if count < TILE_WIDTH:
            return []
        if tile is None:
            self._report.tile(0, first // TILE_WIDTH, "missing_row", "the tile is missing")
            return []
        self.tiles += 1
        if len(tile) != HASH_SIZE * TILE_WIDTH:
            self._report.tile(0, first // TILE_WIDTH, "tile", "the tile is not 256 hashes")
            return []
        return list(split_hashes(tile))

    def _compare(
        self,
        first: int,
        rows: Sequence[Slot],
        computed: Sequence[Leaf],
        recorded: Sequence[Leaf],
        source: int | None,
    ) -> tuple[list[Slot], list[Leaf], list[Leaf]]:
        """Settle what can be, leaf by leaf.

        Args:
            first: Index of the first leaf.
            rows: The rows.
            computed: Their leaf hashes.
            recorded: The leaf hashes in the record.
            source: The record: number of a tile, or None for the edge.

        Returns:
            The rows that can be trusted, the leaves by rows, the leaves by record.
        """
        sound, by_rows, by_record = list(rows), list(computed), list(recorded)
        for place, (row, mine, theirs) in enumerate(zip(rows, computed, recorded, strict=True)):
            index = first + place
            if row is not None and mine is not None and theirs in (mine, None):
                by_record[place] = mine
                continue
            recovered = self._recover(row, theirs)
            if recovered:
                column, sound[place] = recovered
                by_rows[place] = theirs
                self._report.entry(index, (column,), "its tile proves the value it had before")
                continue
            self._numbering.excuse()
            sound[place] = None
            if row is None:
                by_rows[place] = theirs
            elif mine is None:
                by_rows[place] = theirs
                self._report.entry(index, (), "it holds a value that no entry can have")
            else:
                self._report.dispute(index, source)
        return sound, by_rows, by_record

    def _recover(self, row: Slot, leaf_hash: Leaf) -> tuple[str, Entry] | None:
        if row is None or leaf_hash is None or not self._recoveries_left:
            return None
        self._recoveries_left -= 1
        return recover_entry(Entry(*row), leaf_hash)

    def _check_statements(self, start: int, stop: int, entries: Sequence[Entry]) -> None:
        """Check what the acts of a page state, and remember those that others rest on."""
        statements = self._source.read_statements(start, stop)
        if not entries and not statements:
            return
        acts, differences = read_acts(self._state.log_id, entries, statements)
        self._report.include(differences)
        self.acts += (one for one in acts if isinstance(one.act, Erase | Seal | KeyChange))

    def _check_sessions(self, openings: Sequence[Entry]) -> None:
        """Check the facts that the SESSION entries of a page commit to."""
        if not openings:
            return
        kept = {
            facts.session_ref: facts
            for facts in self._source.read_sessions([entry.session_ref for entry in openings])
        }
        self.sessions += len(kept)
        for entry in openings:
            facts = kept.get(entry.session_ref)
            if facts is None:
                self._report.session(
                    entry.session_ref, "missing_row", f"entry {entry.idx} opened it; it is gone"
                )
            elif not commits_to(entry, facts):
                self._report.session(
                    entry.session_ref,
                    "session",
                    f"its facts are not those that entry {entry.idx} commits to",
                )

    # ------------------------------------------------------------ tree

    def _grow(self, by_rows: Sequence[Leaf], by_record: Sequence[Leaf]) -> None:
        if self._lost_at is not None:
            return
        known = [mine for mine in by_rows if mine is not None]
        if len(known) < len(by_rows):
            # Neither row nor record: no root can be computed beyond.
            known = known[: by_rows.index(None)]
            self._lost_at = self._by_rows.size + len(known)
        tiles = others = self._by_rows.grow(known)
        if self._by_record is not None:
            others = self._by_record.grow(
                [theirs for theirs in by_record[: len(known)] if theirs is not None]
            )
        for tile, other in zip(tiles, others, strict=True):
            if tile.level:
                self._check_upper_tile(tile, other)

    def _check_upper_tile(self, tile: Tile, other: Tile) -> None:
        stored = self._source.read_tiles(tile.level, tile.n, tile.n + 1).get(tile.n)
        if stored is None:
            self._report.tile(tile.level, tile.n, "missing_row", "the tile is missing")
            return
        self.tiles += 1
        if tile == other:
            self._report.compare_tile(tile, stored)
        else:
            self._open_tiles.append((tile, other, stored))

    def _check_root(self, root: bytes) -> bool:
        """Check a recorded root, and let it settle which tree is right; say whether one is."""
        mine = self._by_rows.compute_root()
        theirs = self._by_record.compute_root() if self._by_record else mine
        # While the trees are equal, what they will disagree about is still ahead.
        if mine != theirs and root in (mine, theirs):
            self._settle(rows_right=root == mine)
        return root in (mine, theirs)

    def _settle(self, *, rows_right: bool | None) -> None:
        """Blame rows or records for their disagreements; None when nothing tells which."""
        self._report.settle(rows_right=rows_right)
        for tile, other, stored in self._open_tiles:
            self._report.compare_tile(tile if rows_right else other, stored)
        self._open_tiles.clear()
        if self._by_record is not None and not rows_right:
            self._by_rows = self._by_record
        self._by_record = None

    # ------------------------------------------------------------ checkpoints, head

    def _next_checkpoint(self, up_to: int) -> CheckpointRow | None:
        """Take the next checkpoint off, if its size is at most `up_to`."""
        if not self._checkpoints and self._checkpoint_read < self._state.last_checkpoint:
            page = self._source.read_checkpoints(
                self._checkpoint_read, self._state.last_checkpoint, CHECKPOINT_PAGE
            )
            self._checkpoints = list(reversed(page))
            before = self._checkpoint_read
            self._checkpoint_read = page[-1].size if page else self._state.last_checkpoint
            for row in self._source.read_cosignatures(before, self._checkpoint_read):
                self._cosignatures.setdefault(row.size, []).append(row)
        if self._checkpoints and self._checkpoints[-1].size <= up_to:
            return self._checkpoints.pop()
        return None

    def _check_checkpoint(self, row: CheckpointRow) -> None:
        """Check one checkpoint: note, columns, root, time, counters."""
        self.checkpoints += 1
        signed = self._verify_note(row)
        root = row.root
        if signed:
            differ = [
                name for name in ("size", "root") if getattr(signed, name) != getattr(row, name)
            ]
            if differ:
                self._report.checkpoint(
                    row.size, tuple(differ), "checkpoint", "the row is not what its note signs"
                )
            if signed.size == row.size:
                root = signed.root
        if self._lost_at is None:
            self._report.root(row.size, is_right=self._check_root(root))
        t_ms = self._last_slot[3] if self._last_slot else row.t_ms
        if t_ms != row.t_ms:
            self._report.checkpoint(
                row.size, ("t_ms",), "time", "the time is not that of its last entry"
            )
        self._numbering.note_checkpoint(row.size, t_ms)
        self._check_counters(row.size)
        for cosignature in self._cosignatures.pop(row.size, ()):
            for columns, message in self._keys.check_cosignature(row.note, cosignature):
                self._report.cosignature(row.size, columns, message)

    def _verify_note(self, row: CheckpointRow) -> Checkpoint | None:
        if not self._keys.are_usable:
            return None
        try:
            checkpoint = self._keys.verify(row)
        except NoteRefused:
            self._report.signature(row.size, is_right=False)
            return None
        self._report.signature(row.size, is_right=True)
        return checkpoint

    def _check_counters(self, size: int) -> None:
        """Check the insurers' counters: at the checkpoint they were kept with, and at the last."""
        insurers = self._numbering.insurers
        is_last = size == self._state.last_checkpoint
        for insurer_id, row in self._state.insurer_counters.items():
            if row.size != size and not is_last:
                continue
            if row.size == size:
                self._counters_left.discard(insurer_id)
            if insurer_id in self._counters_wrong or self._numbering.is_at(insurer_id, row.last):
                continue
            self._counters_wrong.add(insurer_id)
            self._report.counter(insurer_id, ("last",), "the counter is not where entries are")
        if is_last:
            for insurer_id in sorted(insurers.keys() - self._state.insurer_counters.keys()):
                self._report.counter(insurer_id, (), "the counter is missing")

    def _check_counters_left(self) -> None:
        for insurer_id in sorted(self._counters_left):
            self._report.counter(insurer_id, ("size",), "no checkpoint has the counter's size")

    def _check_head(self) -> None:
        """Check the head against everything before it, and settle what is still open."""
        state = self._state
        if self._lost_at is not None:
            root = self._by_rows.compute_root()
            if root == state.root:
                self._report.head(("size",), f"its root is that of {self._lost_at} entries")
            else:
                self._report.head((), "its root cannot be computed: entries are missing")
        elif not self._check_root(state.root):
            self._report.head(("root",), "its root is not that of the entries")
        if self._report.has_disputes:
            self._settle(rows_right=None)
        t_ms = self._last_slot[3] if self._last_slot else (0 if state.size == 0 else state.t_ms)
        if t_ms != state.t_ms:
            self._report.head(("t_ms",), "its time is not that of the last entry")


def _widen(edge: Sequence[Leaf], count: int) -> list[Leaf]:
    """Return the leaves an edge recorded, and None for those that came after it."""
    return [*edge, *[None] * (count - len(edge))]


def _hash_rows(rows: Sequence[Slot]) -> list[Leaf]:
    """Return the leaf hashes of rows; None for a missing row and one that no entry can be."""
    try:
        return list(compute_leaf_hashes(rows))  # type: ignore[arg-type]
    except (struct.error, TypeError):
        return [_hash_row(row) for row in rows]


def _hash_row(row: Slot) -> Leaf:
    try:
        return compute_leaf_hashes([row])[0] if row else None
    except struct.error:
        return None
