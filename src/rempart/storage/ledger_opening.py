"""Taking a log over: what the database must guarantee, and where the log really stands.

Refuses to continue a log whose rows do not lead to its head. Reads the same rows an auditor reads,
so every start exercises the recovery.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from rempart.disclosure.checkpoint import verify_checkpoint
from rempart.disclosure.entry import compute_leaf_hashes
from rempart.disclosure.log_keys import KeyPeriod, LogKeys
from rempart.disclosure.note import NoteRefused, NoteSigner
from rempart.disclosure.tree import (
    EMPTY_ROOT,
    TILE_HEIGHT,
    Tree,
    compute_perfect_root,
    full_tiles,
    split_hashes,
    tile_width,
)
from rempart.kernel.errors import InconsistentRecord, LedgerUnavailable, SetupError
from rempart.storage.queries import load_queries

# A segment, which is a partition, holds 2**24 leaves (one hash of tile level 3), unless the log was
# begun with smaller ones.
SEGMENT_BITS = 24
# No checkpoint is kept sooner after the one before, unless the caller asks; none much later.
CHECKPOINT_PERIOD_MS = 1000
# First half of the advisory lock's key ("REMP"); the log's number is the second.
LOCK_CLASS = 0x52454D50
OPEN_TIMEOUT_S = 60.0
# What the driver raises when the server or the way to it is gone. The third is what it says of a
# connection whose server announced its end a moment ago.
DRIVER_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)

_sql = load_queries("ledger_writer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a log stands when a writer takes it over.

    Attributes:
        log_id: The log.
        epoch: The writer's own epoch: larger than that of any writer before.
        tree: The tree at the head.
        root: Its root.
        t_ms: Time of the last entry; 0 when there is none.
        checkpoint_size: Size of the last checkpoint kept; 0 when there is none.
        checkpoint_due_ms: When the next one is due.
        insurer_counters: The last number of each insurer.
        segment_bits: Its segments hold two to this power leaves.
        signer: The key that signs it now.
        note: The kept checkpoint of the present size when an earlier key signed it, else None.
    """

    log_id: int
    epoch: int
    tree: Tree
    root: bytes
    t_ms: int
    checkpoint_size: int
    checkpoint_due_ms: int
    insurer_counters: Mapping[int, int]
    segment_bits: int
    signer: NoteSigner
    note: str | None


@dataclass(frozen=True, slots=True)
class _Declaration:
    """What a log was declared with, and the one of our keys that signs it now."""

    keys: LogKeys
    segment_bits: int
    signer: NoteSigner


async def open_log(
    connection: asyncpg.Connection,
    *,
    log_id: int,
    signers: Sequence[NoteSigner],
    segment_bits: int,
    patience_s: float,
) -> Standing:
    """Lock a log, fence its earlier writers and rebuild its tree from the stored rows.

    Raises: see `LedgerWriter.open`.
    """
    try:
        await _check_guarantees(connection)
        # A uuid is its 16 bytes here: hashing and storing see the same bytes.
        await connection.set_type_codec(
            "uuid", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
        )
        await _lock(connection, log_id, patience_s)
        declared = await _declare(connection, log_id, signers, segment_bits)
        return await _load_standing(connection, log_id, declared)
    except asyncpg.UndefinedTableError as failure:
        raise SetupError("the database has no ledger: run `rempart db migrate`") from failure
    except DRIVER_FAILURES as failure:
        raise LedgerUnavailable(
            f"log {log_id} cannot be opened: {type(failure).__name__}"
        ) from failure


async def close_quietly(connection: asyncpg.Connection) -> None:
    """Close a connection whose server may be gone."""
    try:
        with contextlib.suppress(*DRIVER_FAILURES):
            await connection.close(timeout=OPEN_TIMEOUT_S)
    finally:
        connection.terminate()


async def _check_guarantees(connection: asyncpg.Connection) -> None:
    row = await connection.fetchrow(_sql.load_guarantees, timeout=OPEN_TIMEOUT_S)
    if row["synchronous_commit"] == "off":
        raise SetupError(
            "synchronous_commit is off: a crash would lose entries already acknowledged. "
            f"Set synchronous_commit = on for the role {row['login']}"
        )
    for name in ("fsync", "full_page_writes"):
        if row[name] != "on" and not row["throwaway"]:
            raise SetupError(
                f"{name} is off: a power cut would lose entries already acknowledged. Set "
                f"{name} = on on the server (one whose data may be lost, such as that of a test, "
                "says so in its own configuration file: rempart.throwaway = on)"
            )
    if row["data_checksums"] != "on":
        raise SetupError(
            "the database cluster has no data checksums: silent disk errors would reach the "
            "ledger. Stop the server and run pg_checksums --enable"
        )
    await connection.fetch(_sql.pin_settings, row["synchronous_commit"], timeout=OPEN_TIMEOUT_S)


async def _lock(connection: asyncpg.Connection, log_id: int, patience_s: float) -> None:
    """Take the log, waiting in line for it. The lock goes with the connection, however it ends."""
    if patience_s:
        patience = str(round(patience_s * 1000))
        try:
            await connection.execute(
                _sql.await_log, *(LOCK_CLASS, log_id, patience), timeout=OPEN_TIMEOUT_S
            )
        except asyncpg.LockNotAvailableError as failure:
            raise LedgerUnavailable(
                f"log {log_id} is being written by others for {patience_s:g} s already"
            ) from failure
    elif not await connection.fetchval(_sql.lock_log, LOCK_CLASS, log_id, timeout=OPEN_TIMEOUT_S):
        raise LedgerUnavailable(f"log {log_id} is being written by another process")


async def _declare(
    connection: asyncpg.Connection, log_id: int, signers: Sequence[NoteSigner], segment_bits: int
) -> _Declaration:
    """Make the log unless it exists; find the key that signs it among ours."""
    first = signers[0]
    await connection.execute(
        _sql.declare_log, log_id, first.name, first.verifier.vkey, EMPTY_ROOT, segment_bits
    )
    row = await connection.fetchrow(_sql.load_log, log_id)
    if row is not None and row["goes_on_as"] is not None:
        raise SetupError(
            f"log {log_id} was given up and goes on as log {row['goes_on_as']}: "
            f"set REMPART_LOG_ID={row['goes_on_as']}"
        )
    later = await connection.fetch(_sql.load_keys, log_id)
    with contextlib.suppress(NoteRefused):
        keys = LogKeys(first.name, row["vkey"], [KeyPeriod(*key) for key in later])
        for signer in signers:
            if (row["origin"], keys.current.vkey) == (signer.name, signer.verifier.vkey):
                return _Declaration(keys, row["segment_bits"], signer)
    raise SetupError(
        f"log {log_id} was begun under another name or key: use the home it was begun with, "
        "or begin a log with another number"
    )


async def _load_standing(
    connection: asyncpg.Connection, log_id: int, declared: _Declaration
) -> Standing:
    """Fence earlier writers, then read. In this order: what is read cannot change any more."""
    head = await connection.fetchrow(_sql.take_over, log_id, timeout=OPEN_TIMEOUT_S)
    if head is None:
        raise InconsistentRecord(f"log {log_id} has no head: run `rempart ledger audit`")
    size, root = head["size"], head["root"]
    tree = await _load_tree(connection, log_id, size)
    if tree.compute_root() != root:
        raise _disagreement(log_id, "its rows and tiles do not lead to the root of its head")
    kept = await connection.fetchrow(_sql.load_last_checkpoint, log_id, timeout=OPEN_TIMEOUT_S)
    if kept is not None and kept["size"] > size:
        # A backup older than what was signed, or an insider's scissors: signing again would fork.
        raise _disagreement(log_id, f"it was signed at {kept['size']} entries and has {size}")
    if kept is not None and kept["size"] == size and kept["root"] != root:
        raise _disagreement(log_id, "its last checkpoint has another root")
    checkpoint_size = kept["size"] if kept else 0
    counters = await connection.fetch(
        _sql.load_insurer_counters, log_id, checkpoint_size, size, timeout=OPEN_TIMEOUT_S
    )
    await connection.execute(_sql.ensure_segment, log_id, size >> declared.segment_bits)
    return Standing(
        log_id=log_id,
        epoch=head["epoch"],
        tree=tree,
        root=root,
        t_ms=head["t_ms"],
        checkpoint_size=checkpoint_size,
        checkpoint_due_ms=kept["t_ms"] + CHECKPOINT_PERIOD_MS if kept else 0,
        insurer_counters=dict(counters),
        segment_bits=declared.segment_bits,
        signer=declared.signer,
        note=_find_earlier_note(log_id, declared.keys, size, kept),
    )


def _find_earlier_note(
    log_id: int, keys: LogKeys, size: int, kept: asyncpg.Record | None
) -> str | None:
    """Return the note of this very size that the key before signed: ours never signs it again."""
    if not size or size > keys.current.from_size:
        return None
    try:
        verifier = keys.find_verifier(size)
        checkpoint = verify_checkpoint(kept["note"] if kept else "", verifier, origin=verifier.name)
    except NoteRefused as failure:
        raise _disagreement(log_id, "its last key did not sign where the next begins") from failure
    if kept is None or (checkpoint.size, checkpoint.root) != (size, kept["root"]):
        raise _disagreement(log_id, "its last key did not sign where the next begins")
    note: str = kept["note"]
    return note


async def _load_tree(connection: asyncpg.Connection, log_id: int, size: int) -> Tree:
    """Rebuild the right edge: leaves from their rows, higher levels from the tiles below them."""
    width = tile_width(size, 0)
    rows: list[Any] = await connection.fetch(
        _sql.load_tail, log_id, size - width, size, timeout=OPEN_TIMEOUT_S
    )
    edges = [compute_leaf_hashes(map(tuple, rows))]
    level = 1
    while size >> (TILE_HEIGHT * level):
        last = full_tiles(size, level - 1)
        tiles = await connection.fetch(
            _sql.load_tiles,
            *(log_id, level - 1, last - tile_width(size, level), last),
            timeout=OPEN_TIMEOUT_S,
        )
        edges.append([compute_perfect_root(split_hashes(tile["hashes"])) for tile in tiles])
        level += 1
    try:
        return Tree.resume(size, edges)
    except ValueError as failure:
        raise _disagreement(log_id, str(failure)) from failure


def _disagreement(log_id: int, what: str) -> InconsistentRecord:
    return InconsistentRecord(
        f"log {log_id} does not agree with itself: {what}. "
        "Nothing was written; run `rempart ledger audit`"
    )
