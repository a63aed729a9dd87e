"""The hashes of a log's tree as they are stored, and as they are worked out above the leaves.

Unfinished tiles above the leaves are not stored: each of their hashes is the root of a full tile
below. Refuses to serve a hash that was worked out before without seeing that the log is still the
one it was worked out from.
"""

from collections import OrderedDict
from itertools import takewhile
from threading import Lock
from typing import Final

from rempart.disclosure.proof import ReadNode
from rempart.disclosure.publishing import TileAddress, find_tile_width
from rempart.disclosure.tree import (
    HASH_SIZE,
    TILE_HEIGHT,
    TILE_WIDTH,
    compute_perfect_root,
    split_hashes,
)
from rempart.kernel.errors import InconsistentRecord
from rempart.storage.connect import Transaction
from rempart.storage.ledger_publishing import load_leaf_tile, load_tiles

# A log has one unfinished tile a level: 64 of 8 KiB are those of some twenty logs.
_TILES_KEPT: Final = 64


class UnfinishedTiles:
    """Remembers the unfinished tiles above the leaves: a log's next size adds to them.

    What is remembered of a tile is its first hashes; any width is cut from them, so the answer for
    one size never holds what belongs to another. The root of the last full tile below is worked out
    anew each time: a log that is not the one remembered (restored, replaced) is read afresh.

    Args:
        most: Tiles remembered; the one used longest ago is forgotten.
    """

    def __init__(self, most: int = _TILES_KEPT) -> None:
        self._most = most
        self._lock = Lock()
        self._known: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()

    @property
    def count(self) -> int:
        """Tiles remembered now."""
        return len(self._known)

    def load(self, tx: Transaction, log_id: int, tile: TileAddress) -> bytes:
        """Return the first hashes of a tile above the leaves, fewer when tiles below are missing.

        Args:
            tx: Where the tiles below are read: those not remembered, and the last one.
            log_id: The log.
            tile: Its level is 1 at least.
        """
        key, first = (log_id, tile.level, tile.n), tile.n * TILE_WIDTH
        known = self._recall(key)[: tile.width * HASH_SIZE]
        # The last hash that is known is worked out again with those that are not.
        sure = max(len(known) // HASH_SIZE - 1, 0)
        fresh = _work_out(tx, log_id, tile.level - 1, range(first + sure, first + tile.width))
        if known and fresh[:HASH_SIZE] != known[sure * HASH_SIZE :]:
            self._forget(key)
            sure = 0
            fresh = _work_out(tx, log_id, tile.level - 1, range(first, first + tile.width))
        hashes = known[: sure * HASH_SIZE] + fresh
        if len(hashes) == tile.width * HASH_SIZE:
            self._remember(key, hashes)
        return hashes

    def _recall(self, key: tuple[int, int, int]) -> bytes:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key, b"")

    def _remember(self, key: tuple[int, int, int], hashes: bytes) -> None:
        with self._lock:
            if len(self._known.get(key, b"")) < len(hashes):
                self._known[key] = hashes
            self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def _forget(self, key: tuple[int, int, int]) -> None:
        with self._lock:
            self._known.pop(key, None)


def load_tile(
    tx: Transaction, log_id: int, tile: TileAddress, unfinished: UnfinishedTiles
) -> bytes:
    """Return the first hashes of a tile, fewer than its width when they are not all there."""
    if tile.level == 0:
        hashes = load_leaf_tile(tx, log_id, tile.n)
    else:
        hashes = load_tiles(tx, log_id, tile.level, start=tile.n, stop=tile.n + 1).get(tile.n, b"")
    if not hashes and tile.level > 0:
        hashes = unfinished.load(tx, log_id, tile)
    return hashes[: tile.width * HASH_SIZE]


def make_stored_node_reader(
    tx: Transaction, log_id: int, size: int, unfinished: UnfinishedTiles
) -> ReadNode:
    """Return a reader of the nodes of a log's tree as it was at `size` leaves.

    Args:
        tx: Where tiles are read; each of them once.
        log_id: The log.
        size: At most the size of the last kept checkpoint.
        unfinished: What is remembered of tiles above the leaves: the first node that needs one
            costs up to 255 tiles otherwise, read at once and hashed.
    """
    read: dict[tuple[int, int], list[bytes]] = {}

    def read_node(level: int, n: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        tile_n, start = divmod(n << height, TILE_WIDTH)
        if (tile_level, tile_n) not in read:
            width = find_tile_width(size, tile_level, tile_n)
            tile = load_tile(tx, log_id, TileAddress(tile_level, tile_n, width), unfinished)
            if len(tile) != width * HASH_SIZE:
                raise InconsistentRecord(
                    f"log {log_id}: hashes of tile {tile_level}/{tile_n} are missing: "
                    "run `rempart ledger audit`"
                )
            read[tile_level, tile_n] = split_hashes(tile)
        return compute_perfect_root(read[tile_level, tile_n][start : start + (1 << height)])

    return read_node


def _work_out(tx: Transaction, log_id: int, level: int, below: range) -> bytes:
    """Return the roots of full tiles, end to end, as far as none is missing."""
    tiles = load_tiles(tx, log_id, level, start=below.start, stop=below.stop)
    there = takewhile(lambda n: len(tiles.get(n, b"")) == TILE_WIDTH * HASH_SIZE, below)
    return b"".join(compute_perfect_root(split_hashes(tiles[n])) for n in there)
