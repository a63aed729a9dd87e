"""A ledger of small segments, and what seals, cools, erases and drops them in tests."""

import secrets
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tests.ledger_samples import (
    START_MS,
    Clock,
    make_drafts,
    make_facts,
    make_key,
    make_signer,
    open_writer,
    run,
)

from rempart.disclosure.erasure import ErasureGround, ErasureRequest, ErasureState
from rempart.disclosure.note import NoteSigner
from rempart.disclosure.segment import SegmentRow
from rempart.disclosure.session import draft_session
from rempart.disclosure.tree import EMPTY_ROOT
from rempart.storage import segments
from rempart.storage.acts_log import AppendsActs
from rempart.storage.backup_store import BackupStore
from rempart.storage.connect import Database
from rempart.storage.purge_journal import PurgeJournal
from rempart.storage.sealing import FileKms
from rempart.storage.segment_files import SegmentStore
from rempart.workflows.ledger.seal_segment import Archive

BITS = 8
# Who asks and who approves in tests.
ASKER, APPROVER = 71, 72


def begin_log(database: Database, log_id: int = 1, *, segment_count: int = 8) -> None:
    """Declare a log whose segments hold 256 entries."""
    signer = make_signer(log_id)
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO ledger.log (log_id, origin, vkey, segment_bits) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [log_id, signer.name, signer.verifier.vkey, BITS],
        )
        tx.execute(
            "INSERT INTO ledger.head (log_id, size, epoch, root, t_ms) VALUES (%s, 0, 0, %s, 0)"
            " ON CONFLICT DO NOTHING",
            [log_id, EMPTY_ROOT],
        )
        for number in range(segment_count):
            tx.execute("SELECT ledger.ensure_segment(%s::smallint, %s)", [log_id, number])


async def _append(database: Database, count: int, first: int, clock: Clock) -> None:
    writer = await open_writer(database, clock=clock)
    if writer.size == 0:
        facts = [make_facts(number) for number in range(3)]
        openings = [draft_session(one, request_id=make_key(one.session_ref)) for one in facts]
        await writer.append(openings, sessions=facts)
        count -= 3
    for start in range(first, first + count, 40):
        clock.now_ms += 300
        await writer.append(make_drafts(min(40, first + count - start), start))
    await writer.close()


def write_entries(database: Database, count: int, *, first: int = 0, now_ms: int = START_MS) -> int:
    """Append entries to log 1 (the first three open sessions); return the clock's time."""
    clock = Clock(now_ms)
    run(lambda: _append(database, count, first, clock))
    return clock.now_ms


def make_acts_log(database: Database) -> AppendsActs:
    """The acts log of tests."""
    return AppendsActs(
        connection=database.asyncpg_kwargs("recorder"),
        signers=[NoteSigner("rempart.invalid/00000000/log/0", bytes([9] * 32))],
        clock_ms=Clock(START_MS + 1_000_000),
    )


def make_archive(database: Database, store: SegmentStore | Path) -> Archive:
    return Archive(
        begin=lambda: database.transaction("archivist"),
        store=store if isinstance(store, SegmentStore) else SegmentStore(str(store)),
        acts=make_acts_log(database),
        journal=make_purge_journal(store if isinstance(store, Path) else None),
    )


def make_purge_journal(beside: Path | None = None) -> PurgeJournal:
    """A journal of purges: in a folder beside another one, or in memory."""
    place = f"{beside}-backups" if beside else f"memory://backups-{secrets.token_hex(8)}"
    return PurgeJournal(BackupStore(place), FileKms(bytes(32)))


def list_segments(database: Database) -> list[SegmentRow]:
    with database.transaction("archivist") as tx:
        return segments.list_segments(tx, 1)


def approve(database: Database, indexes: Sequence[int], *, request_ref: int = 5) -> ErasureRequest:
    """Store a request that two people decided, as the pages would leave it."""
    with database.transaction("owner") as tx:
        for actor_ref in (ASKER, APPROVER):
            tx.execute(
                "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
                " VALUES (%s, 'agent', 'x', %s) ON CONFLICT DO NOTHING",
                [actor_ref, bytes([actor_ref] * 32)],
            )
        tx.execute(
            "INSERT INTO accounts.erasure_request (request_ref, log_id, indexes, ground,"
            " case_number, state, asked_by, decided_by, decided_at)"
            " VALUES (%s, 1, %s, 'objection', 'D-2026-1', 'approved', %s, %s, now())",
            [request_ref, list(indexes), ASKER, APPROVER],
        )
    return ErasureRequest(
        request_ref=request_ref,
        log_id=1,
        indexes=tuple(indexes),
        ground=ErasureGround.OBJECTION,
        case_number="D-2026-1",
        state=ErasureState.APPROVED,
        asked_by=ASKER,
        asked_at=datetime(2026, 11, 1, tzinfo=UTC),
        decided_by=APPROVER,
    )


def copy_store(archive: Archive, path: Path) -> SegmentStore:
    """Copy the files of an archive, to be falsified."""
    shutil.copytree(archive.store.locate("log-1"), path / "log-1")
    return SegmentStore(str(path))


def falsify_file(store: SegmentStore, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write a file of a store again with another content."""
    batches = list(store.read_batches(name, pq.read_schema(store.locate(name)).names))
    table = change(pa.Table.from_batches(batches))
    store.write(name, table.schema, table.to_batches())


def change_value(table: pa.Table, column: str, index: int) -> pa.Table:
    """Change one value of the row of an index."""
    place = table.column("idx").to_pylist().index(index)
    values = table.column(column).to_pylist()
    old = values[place]
    values[place] = bytes([old[0] ^ 1]) + old[1:] if isinstance(old, bytes) else old + 1
    position = table.schema.get_field_index(column)
    kind = table.schema.field(column)
    return table.set_column(position, kind, pa.array(values, kind.type))
