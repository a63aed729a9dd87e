"""What the world may read of the ledger: checkpoints, tiles, and who vouches for them.

Refuses to show an entry or a leaf: hashes suffice to check every proof. Receives a transaction and
never opens one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rempart.disclosure.proof import ReadNode
from rempart.disclosure.publishing import (
    KeptCheckpoint,
    TileAddress,
    choose_published,
    find_tile_width,
)
from rempart.disclosure.tree import (
    HASH_SIZE,
    TILE_HEIGHT,
    TILE_WIDTH,
    compute_perfect_root,
    split_hashes,
)
from rempart.disclosure.witness import Quorum
from rempart.storage.connect import Transaction
from rempart.storage.ledger_publishing import (
    AlarmRow,
    LogRow,
    StampRow,
    WitnessTime,
    list_alarms,
    list_logs,
    list_witness_times,
    load_cosigned,
    load_last_checkpoint,
    load_last_stamps,
    load_leaf_tile,
    load_tiles,
)

# Checkpoints looked at for a quorum: more than one only when a line was spoilt in the database.
_CANDIDATES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLog:
    """One log as the public page shows it.

    Attributes:
        log: Its name, keys and last kept checkpoint.
        note: The checkpoint the world is shown; None while none has the quorum.
        cosigned: The last checkpoint each witness cosigned.
        stamp: Its last RFC 3161 timestamp.
    """

    log: LogRow
    note: str | None
    cosigned: Sequence[WitnessTime]
    stamp: StampRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLedger:
    """Every log, and what witnesses accuse them of."""

    logs: Sequence[PublishedLog]
    alarms: Sequence[AlarmRow]

    @property
    def witness_rows(self) -> list[WitnessTime]:
        """What each witness cosigned last, of every log."""
        return [one for log in self.logs for one in log.cosigned]


def read_published_checkpoint(tx: Transaction, log_id: int, quorum: Quorum) -> str | None:
    """Return the signed note the world is shown of a log.

    Returns:
        The latest kept one; with witnesses, the latest under the quorum of cosignatures. None when
        there is none yet.
    """
    if quorum.needed:
        kept = load_cosigned(
            tx,
            log_id,
            witnesses=[verifier.name for verifier in quorum.verifiers],
            quorum=quorum.needed,
            limit=_CANDIDATES,
        )
    else:
        last = load_last_checkpoint(tx, log_id)
        kept = [] if last is None else [KeptCheckpoint(last.size, last.note, ())]
    return choose_published(kept, quorum.verifiers, quorum=quorum.needed)


def read_published_tile(tx: Transaction, log_id: int, tile: TileAddress) -> bytes | None:
    """Return the hashes of a tile, end to end, as far as kept checkpoints cover it.

    An unfinished tile is the beginning of every later state of it, so any width up to the present
    one is there.
    """
    last = load_last_checkpoint(tx, log_id)
    if last is None or find_tile_width(last.size, tile.level, tile.n) < tile.width:
        return None
    hashes = _load_tile(tx, log_id, tile)
    return hashes if len(hashes) == tile.width * HASH_SIZE else None


def make_stored_node_reader(tx: Transaction, log_id: int, size: int) -> ReadNode:
    """Return a reader of the nodes of a log's tree as it was at `size` leaves.

    The first node that needs an unfinished tile above the leaves costs up to 255 tiles, read at
    once and hashed; what was read is remembered.

    Args:
        tx: Where tiles are read; each of them once.
        log_id: The log.
        size: At most the size of the last kept checkpoint.
    """
    read: dict[tuple[int, int], list[bytes]] = {}

    def read_node(level: int, n: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        tile_n, start = divmod(n << height, TILE_WIDTH)
        if (tile_level, tile_n) not in read:
            width = find_tile_width(size, tile_level, tile_n)
            tile = _load_tile(tx, log_id, TileAddress(tile_level, tile_n, width))
            read[tile_level, tile_n] = split_hashes(tile)
        return compute_perfect_root(read[tile_level, tile_n][start : start + (1 << height)])

    return read_node


def _load_tile(tx: Transaction, log_id: int, tile: TileAddress) -> bytes:
    """Return the first hashes of a tile, fewer than its width when they are not all there."""
    if tile.level == 0:
        hashes = load_leaf_tile(tx, log_id, tile.n)
    else:
        hashes = load_tiles(tx, log_id, tile.level, start=tile.n, stop=tile.n + 1).get(tile.n, b"")
    if not hashes and tile.level > 0:
        # Unfinished tiles are not kept above the leaves: each hash is the root of a full tile.
        first = tile.n * TILE_WIDTH
        below = load_tiles(tx, log_id, tile.level - 1, start=first, stop=first + tile.width)
        hashes = b"".join(compute_perfect_root(split_hashes(one)) for one in below.values())
    return hashes[: tile.width * HASH_SIZE]


def describe_ledger(tx: Transaction, quorum: Quorum) -> PublishedLedger:
    """Return what the public page and the operator's say of every log."""
    times = list_witness_times(tx)
    stamps = {stamp.log_id: stamp for stamp in load_last_stamps(tx)}
    return PublishedLedger(
        logs=[
            PublishedLog(
                log=log,
                note=read_published_checkpoint(tx, log.log_id, quorum),
                cosigned=[one for one in times if one.log_id == log.log_id],
                stamp=stamps.get(log.log_id),
            )
            for log in list_logs(tx)
        ],
        alarms=list_alarms(tx),
    )
