"""The rows of a log that are in segments' files: read forward, once, as an audit reads.

Refuses to stop at a file that cannot be read: its rows are missing, and that is told.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from rempart.disclosure.segment import (
    PAGE,
    SegmentFold,
    SegmentRow,
    cut_tiles,
    get_bounds,
    load_root,
)
from rempart.disclosure.tree import HASH_SIZE, TILE_WIDTH
from rempart.storage import segments
from rempart.storage.connect import Transaction
from rempart.storage.segment_files import UNREADABLE, SegmentStore, SortedRows


class ColdRows:
    """The cold segments of one log.

    Attributes:
        strange: By segment, indexes of rows that have no business in its file.
        unreadable: Segments whose file could not be read to its end.
    """

    def __init__(
        self, store: SegmentStore, log_id: int, bits: int, cold: Mapping[int, SegmentRow]
    ) -> None:
        self.strange: dict[int, Sequence[int]] = {}
        self.unreadable: set[int] = set()
        self._store = store
        self._log_id = log_id
        self._bits = bits
        self._cold = cold
        self._open: tuple[int, SortedRows] | None = None

    def cut(self, start: int, stop: int) -> Iterator[tuple[int, int, bool]]:
        """Cut [start, stop) into stretches in files, segment by segment, and stretches in none."""
        at = first = start
        while at < stop:
            end = min(get_bounds(at >> self._bits, self._bits)[1], stop)
            if at >> self._bits in self._cold:
                if first < at:
                    yield first, at, False
                yield at, end, True
                first = end
            at = end
        if first < stop:
            yield first, stop, False

    def read(self, start: int, stop: int) -> Sequence[tuple[Any, ...]]:
        """Return the rows [start, stop) of one cold segment that exist, in order."""
        segment = start >> self._bits
        if segment in self.unreadable:
            return []
        first, end = get_bounds(segment, self._bits)
        try:
            if self._open is None or self._open[0] != segment:
                self.close()
                name = self._cold[segment].by_account_name
                rows = SortedRows(self._store, name, log_id=self._log_id, first=first)
                self._open = (segment, rows)
            rows = self._open[1]
            found = rows.read(start, stop)
            if stop == end:
                self.strange[segment] = rows.read_strange(stop)
                self.close()
        except UNREADABLE:
            self.unreadable.add(segment)
            self.close()
            return []
        return found

    def close(self) -> None:
        """Let go of the file that is open."""
        if self._open is not None:
            self._open[1].close()
            self._open = None


def fold_file(
    tx: Transaction,
    store: SegmentStore,
    row: SegmentRow,
    *,
    bits: int,
    also_erased: Iterable[int] = (),
    on_progress: Callable[[int], None] = lambda _: None,
) -> tuple[SegmentFold, Sequence[int]]:
    """Recompute a segment from its by-account file, against the tiles of its log.

    Args:
        tx: A transaction of a role that reads the ledger.
        store: Where the file is.
        row: The segment: log, number and name of the file.
        bits: A segment of this log holds 2**bits leaves.
        also_erased: Openings that may be missing beside those listed as erased.
        on_progress: Called with how many rows were read.

    Returns:
        What was recomputed (a missing tile is left out: no root comes of it), and the indexes of
        rows that have no business in the file.

    Raises:
        duckdb.Error, pyarrow.ArrowException, OSError: the file cannot be read.
    """
    first, stop = get_bounds(row.segment, bits)
    erased = frozenset(segments.list_erased(tx, row.log_id, first, stop)).union(also_erased)
    fold = SegmentFold(row.log_id)
    with contextlib.closing(
        SortedRows(store, row.by_account_name, log_id=row.log_id, first=first)
    ) as rows:
        for start in range(first, stop, PAGE):
            end = min(start + PAGE, stop)
            span = range(start // TILE_WIDTH, end // TILE_WIDTH)
            tiles = segments.read_tiles(tx, row.log_id, 0, span)
            for at, part in cut_tiles(start, rows.read(start, end), end - start):
                tile = tiles.get(at // TILE_WIDTH, b"")
                if len(tile) == HASH_SIZE * TILE_WIDTH:
                    fold.add_tile(at, part, tile, erased)
            on_progress(end - first)
        return fold, rows.read_strange(stop)


def load_tile_root(tx: Transaction, log_id: int, segment: int, bits: int) -> bytes | None:
    """Return a complete segment's root by its tile; None when the tile is missing."""
    return load_root(
        segment,
        bits,
        lambda level, start, stop: segments.read_tiles(tx, log_id, level, range(start, stop)),
    )
