"""A sealed segment: which leaves it holds, what its files hold, and how its rows lead to its root.

Refuses to trust bytes: a file is what its rows hash to. The root binds rows and not their order or
their compression, so a file may be rewritten without an opening and still lead to the same root.
"""

import enum
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from rempart.disclosure.entry import Entry, compute_leaf_hashes
from rempart.disclosure.tree import (
    TILE_HEIGHT,
    TILE_WIDTH,
    Tree,
    compute_perfect_root,
    split_hashes,
)

# Columns of the file sorted by person, in its order: what answers "who saw this person".
PERSON_COLUMNS: Final = (
    *("person_ref", "idx", "t_ms", "kind", "account_ref", "session_ref", "insurer_id"),
    *("purpose", "mode", "domain", "care_day", "outcome", "fields", "schema_version"),
    "data_version",
)
# Rows read at a time.
PAGE: Final = 32 * TILE_WIDTH

# read_tiles(level, start, stop) gives the tiles [start, stop) of a level that exist.
ReadTiles: TypeAlias = Callable[[int, int, int], Any]


class SegmentState(enum.StrEnum):
    """Where the openings of a sealed segment are."""

    SEALED = "sealed"  # in the database and in the files
    COLD = "cold"  # in the files only
    DROPPED = "dropped"  # nowhere: retention is over; the hashes stay


class SegmentRow(NamedTuple):
    """One row of `ledger.segment`, in the order of its columns."""

    log_id: int
    segment: int
    state: str
    root: bytes
    first_ms: int
    last_ms: int
    by_account_name: str
    by_account_digest: bytes
    by_person_name: str
    by_person_digest: bytes
    act_log: int
    act_idx: int
    drop_idx: int | None


class Hold(NamedTuple):
    """An interval of time whose openings somebody still needs: an inquiry, a court.

    Attributes:
        from_ms: First millisecond held.
        to_ms: First millisecond not held any more.
        log_id: The log it is about; None for all of them.
        name: What people call it.
    """

    from_ms: int
    to_ms: int
    log_id: int | None = None
    name: str = "a hold"

    def covers(self, log_id: int, first_ms: int, last_ms: int) -> bool:
        """Say whether it holds anything of a log between two instants, both included."""
        return self.log_id in (None, log_id) and self.from_ms <= last_ms and first_ms < self.to_ms


def get_bounds(segment: int, bits: int) -> tuple[int, int]:
    """Return the first index of a segment and the first after it."""
    return segment << bits, (segment + 1) << bits


def name_files(log_id: int, segment: int, *, erasure: int | None = None) -> tuple[str, str]:
    """Return the names of a segment's files within the store: by account, by person.

    Args:
        log_id: The log.
        segment: The segment.
        erasure: Index of the ERASE act the files were rewritten for: a rewritten file never takes
            the name of the one it replaces, so that a crash leaves the old one whole.
    """
    stem = f"log-{log_id}/{segment}" + ("" if erasure is None else f".erase-{erasure}")
    return f"{stem}.by-account.parquet", f"{stem}.by-person.parquet"


def load_root(segment: int, bits: int, read_tiles: ReadTiles) -> bytes | None:
    """Return the root of a complete segment by its tile; None when the tile is missing."""
    hashes = read_tiles(bits // TILE_HEIGHT - 1, segment, segment + 1).get(segment)
    if hashes is None or len(hashes) != TILE_WIDTH * 32:
        return None
    return compute_perfect_root(split_hashes(hashes))


@dataclass(slots=True)
class SegmentFold:
    """Recomputes the root of one segment from its rows, in order of index.

    Attributes:
        log_id: The log.
        wrong: Indexes of rows that do not hash to their leaf.
        missing: Indexes without a row that no erasure explains.
        rows: How many rows were hashed.
        first_ms, last_ms: Times of the first and of the last row met.
    """

    log_id: int
    wrong: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    rows: int = 0
    first_ms: int = 0
    last_ms: int = 0
    _tree: Tree = field(default_factory=Tree)

    def add_tile(
        self, first: int, rows: Sequence[tuple[Any, ...]], tile: bytes, erased: frozenset[int]
    ) -> None:
        """Take the rows of one tile.

        Args:
            first: Index of the tile's first leaf.
            rows: Its rows that exist, in order of index, each once.
            tile: Its recorded hashes.
            erased: Indexes whose opening was erased: the recorded hash stands for it.
        """
        recorded = split_hashes(tile)
        leaves: list[bytes] = list(recorded)
        hashes = _hash(rows)
        for row, leaf_hash in zip(rows, hashes, strict=True):
            place = row[1] - first
            if leaf_hash != recorded[place] or row[0] != self.log_id:
                self.wrong.append(row[1])
            leaves[place] = leaf_hash or recorded[place]
        if len(rows) < TILE_WIDTH:
            found = {row[1] for row in rows}
            absent = [i for i in range(first, first + TILE_WIDTH) if i not in found]
            self.missing += (index for index in absent if index not in erased)
        if rows:
            self.first_ms = self.first_ms or rows[0][3]
            self.last_ms = rows[-1][3]
        self.rows += len(rows)
        self._tree.grow(leaves)

    @property
    def leaves(self) -> int:
        """How many leaves were taken, erased ones included."""
        return self._tree.size

    def compute_root(self) -> bytes:
        """Return the root over what was taken so far."""
        return self._tree.compute_root()


def _hash(rows: Sequence[tuple[Any, ...]]) -> list[bytes | None]:
    """Return the leaf hashes of rows; None for one that no entry can be."""
    try:
        return list(compute_leaf_hashes(rows))
    except (struct.error, TypeError, AttributeError):
        return [_hash_one(row) for row in rows]


def _hash_one(row: tuple[Any, ...]) -> bytes | None:
    try:
        return compute_leaf_hashes([row])[0]
    except (struct.error, TypeError, AttributeError):
        return None


def cut_tiles(
    first: int, rows: Sequence[tuple[Any, ...]], count: int
) -> Iterator[tuple[int, Sequence[tuple[Any, ...]]]]:
    """Cut the rows of `count` indexes from `first` on into tiles: (first index, its rows)."""
    if len(rows) == count:
        for start in range(0, count, TILE_WIDTH):
            yield first + start, rows[start : start + TILE_WIDTH]
        return
    by_tile: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        by_tile.setdefault(row[1] // TILE_WIDTH, []).append(row)
    for start in range(first, first + count, TILE_WIDTH):
        yield start, by_tile.get(start // TILE_WIDTH, [])


ENTRY_COLUMNS: Final = Entry._fields
