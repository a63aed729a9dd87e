"""What the world may read of the ledger: checkpoints, tiles, and who vouches for them.

Refuses to show an entry or a leaf: hashes suffice to check every proof. Receives a transaction and
never opens one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rempart.disclosure.publishing import (
    KeptCheckpoint,
    TileAddress,
    choose_published,
    find_tile_width,
)
from rempart.disclosure.tree import HASH_SIZE
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
)
from rempart.storage.ledger_tiles import UnfinishedTiles, load_tile

__all__ = [
    "PublishedLedger",
    "PublishedLog",
    "UnfinishedTiles",
    "describe_ledger",
    "read_published_checkpoint",
    "read_published_tile",
]

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


def read_published_tile(
    tx: Transaction, log_id: int, tile: TileAddress, unfinished: UnfinishedTiles
) -> bytes | None:
    """Return the hashes of a tile, end to end, as far as kept checkpoints cover it.

    An unfinished tile is the beginning of every later state of it, so any width up to the present
    one is there.
    """
    last = load_last_checkpoint(tx, log_id)
    if last is None or find_tile_width(last.size, tile.level, tile.n) < tile.width:
        return None
    hashes = load_tile(tx, log_id, tile, unfinished)
    return hashes if len(hashes) == tile.width * HASH_SIZE else None


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
