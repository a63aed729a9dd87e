"""Hashes and signatures of the ledger as they are published, and what witnesses answer.

Reads no entry: what leaves here may be shown to anybody.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from rempart.disclosure.publishing import KeptCheckpoint
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

AlarmReason: TypeAlias = Literal["fork", "rollback"]

_sql = load_queries("ledger_publishing")


class LogRow(NamedTuple):
    """One log and its last kept checkpoint; three Nones while it has none.

    Attributes:
        log_id: The log.
        origin: Its public name.
        vkeys: Its keys, the first one first.
        size: Leaves at the last kept checkpoint.
        t_ms: Time of the last of them.
        note: The signed note.
    """

    log_id: int
    origin: str
    vkeys: list[str]
    size: int | None
    t_ms: int | None
    note: str | None


class LastCheckpoint(NamedTuple):
    """The largest kept checkpoint of a log."""

    size: int
    t_ms: int
    root: bytes
    note: str


class WitnessTime(NamedTuple):
    """The last checkpoint of a log that one witness cosigned, and when."""

    log_id: int
    witness: str
    size: int
    t_ms: int


class AlarmRow(NamedTuple):
    """One accusation of a witness."""

    log_id: int
    witness: str
    size: int
    reason: AlarmReason
    witness_size: int
    t_ms: int


class StampRow(NamedTuple):
    """The last timestamp of a log."""

    log_id: int
    size: int
    t_ms: int


class UnstampedCheckpoint(NamedTuple):
    """A checkpoint without a timestamp."""

    log_id: int
    size: int
    note: str


def list_logs(tx: Transaction) -> list[LogRow]:
    """Return every log, by number."""
    return [LogRow(*row) for row in tx.execute(_sql.list_logs)]


def load_last_checkpoint(tx: Transaction, log_id: int) -> LastCheckpoint | None:
    """Return the largest kept checkpoint of a log, None when there is none or no such log."""
    row = tx.execute(_sql.load_last_checkpoint, {"log_id": log_id}, binary=True).fetchone()
    return None if row is None else LastCheckpoint(*row)


def load_cosigned(
    tx: Transaction, log_id: int, *, witnesses: Sequence[str], quorum: int, limit: int
) -> list[KeptCheckpoint]:
    """Return the latest checkpoints with at least `quorum` lines of these witnesses."""
    rows = tx.execute(
        _sql.load_cosigned,
        {"log_id": log_id, "witnesses": list(witnesses), "quorum": quorum, "limit": limit},
    )
    return [KeptCheckpoint(size, note, tuple(lines)) for size, note, lines in rows]


def load_leaf_tile(tx: Transaction, log_id: int, n: int) -> bytes:
    """Return the leaf hashes of tile `n`, full or unfinished; empty when there is none."""
    parameters = {"log_id": log_id, "n": n}
    row = tx.execute(_sql.load_leaf_tile, parameters, binary=True).fetchone()
    return bytes(row[0]) if row and row[0] is not None else b""


def load_tiles(
    tx: Transaction, log_id: int, level: int, *, start: int, stop: int
) -> Mapping[int, bytes]:
    """Return the full tiles [start, stop) of a level that exist, by number."""
    parameters = {"log_id": log_id, "level": level, "start": start, "stop": stop}
    return {n: bytes(h) for n, h in tx.execute(_sql.load_tiles, parameters, binary=True)}


def load_cosigned_sizes(tx: Transaction, log_id: int) -> Mapping[str, int]:
    """Return the largest size of a log that each witness cosigned."""
    return dict(tx.execute(_sql.load_cosigned_sizes, {"log_id": log_id}).fetchall())


def list_witness_times(tx: Transaction) -> list[WitnessTime]:
    """Return, for each log and witness, the last checkpoint it cosigned."""
    return [WitnessTime(*row) for row in tx.execute(_sql.list_witness_times)]


def save_cosignature(
    tx: Transaction, *, log_id: int, size: int, witness: str, t_ms: int, line: str
) -> None:
    """Keep a verified cosignature line; one that is kept stays."""
    tx.execute(
        _sql.save_cosignature,
        {"log_id": log_id, "size": size, "witness": witness, "t_ms": t_ms, "line": line},
    )


def save_alarm(tx: Transaction, alarm: AlarmRow, *, note: str) -> bool:
    """Keep an accusation for ever; say whether it is new."""
    return tx.execute(_sql.save_alarm, {**alarm._asdict(), "note": note}).rowcount == 1


def list_alarms(tx: Transaction) -> list[AlarmRow]:
    """Return the last hundred accusations, newest first."""
    return [AlarmRow(*row) for row in tx.execute(_sql.list_alarms)]


def load_unstamped(tx: Transaction) -> list[UnstampedCheckpoint]:
    """Return the last checkpoint of each log that has no timestamp."""
    return [UnstampedCheckpoint(*row) for row in tx.execute(_sql.load_unstamped)]


def save_stamp(tx: Transaction, *, log_id: int, size: int, t_ms: int, token: bytes) -> None:
    """Keep a timestamp of a checkpoint; one that is kept stays."""
    parameters = {"log_id": log_id, "size": size, "t_ms": t_ms, "token": token}
    tx.execute(_sql.save_stamp, parameters)


def load_last_stamps(tx: Transaction) -> list[StampRow]:
    """Return the last timestamp of each log."""
    return [StampRow(*row) for row in tx.execute(_sql.load_last_stamps)]
