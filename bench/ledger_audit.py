"""What an audit of the ledger costs, beside hashing its leaves and nothing else.

    python -m bench audit --leaves 200000

A log with segments of 65,536 entries is written, audited in the database, sealed, taken out of the
database, and audited from its files. Processor time of this process; PostgreSQL reads on its own
core. Target: 50,000 entries a second and core, from either place.
"""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

from bench.ledger_proofs import make_draft
from bench.machinery import DATA, running_database, save_results
from rempart.disclosure.entry import compute_leaf_hashes
from rempart.disclosure.note import NoteSigner
from rempart.storage.acts_log import AppendsActs
from rempart.storage.backup_store import BackupStore
from rempart.storage.connect import Database
from rempart.storage.ledger import StoredLog
from rempart.storage.ledger_writer import LedgerWriter
from rempart.storage.purge_journal import PurgeJournal
from rempart.storage.sealing import FileKms
from rempart.storage.segment_files import SegmentStore
from rempart.workflows.ledger.audit_ledger import audit_ledger
from rempart.workflows.ledger.seal_segment import Archive, cool_segments, seal_segments

LOG_ID, BITS, BATCH = 1, 16, 1000
TARGET = 50_000
SIGNER = NoteSigner("rempart.invalid/bench/log/1", bytes(32))
ACTS = NoteSigner("rempart.invalid/bench/log/0", bytes(32))


def run(*, entries: int) -> None:
    """Measure, print and keep the figures."""
    # Whole segments, so that nothing is left hot.
    entries = max(1, entries >> BITS) << BITS
    home = DATA / "audit"
    shutil.rmtree(home / "segments", ignore_errors=True)
    with running_database(home) as database:
        empty(database)
        asyncio.run(write(database, entries))
        store = SegmentStore(str(home / "segments"))
        results = measure(database, store, entries)
    for name, figure in results.items():
        print(name, figure)
    print(save_results("ledger-audit", results))


def measure(database: Database, store: SegmentStore, entries: int) -> dict[str, Any]:
    """Return processor time per entry of each step, and ratios to hashing alone."""
    archive = Archive(
        begin=lambda: database.transaction("archivist"),
        store=store,
        acts=AppendsActs(
            connection=database.asyncpg_kwargs("recorder"),
            signers=[ACTS],
            clock_ms=lambda: time.time_ns() // 1_000_000,
        ),
        journal=PurgeJournal(BackupStore("memory://bench-audit"), FileKms(bytes(32))),
    )

    def audit() -> None:
        with database.transaction("auditor") as tx:
            verdict = audit_ledger(tx, log_id=LOG_ID, store=store)
        if not verdict.is_sound:
            raise RuntimeError(verdict.differences[:3])

    hashing = measure_hashing(database)
    steps: dict[str, Callable[[], object]] = {
        "audit_in_database": audit,
        "seal": lambda: list(seal_segments(archive)),
        "cool": lambda: list(cool_segments(archive, before_ms=1 << 60)),
        "audit_in_files": audit,
    }
    figures: dict[str, Any] = {"entries": entries, "hashing_us": round(hashing, 2)}
    for name, step in steps.items():
        began, wall = time.process_time(), time.perf_counter()
        step()
        each = (time.process_time() - began) / entries * 1e6
        figures[name] = {
            "processor_us": round(each, 2),
            "ratio_to_hashing": round(each / hashing, 2),
            "per_second_and_core": round(1e6 / each),
            "per_second_wall": round(entries / (time.perf_counter() - wall)),
        }
        if name.startswith("audit"):
            figures[name]["meets_target"] = 1e6 / each >= TARGET
    size = sum(Path(store.locate(name)).stat().st_size for name, _ in store.list_files(LOG_ID))
    figures["bytes_per_entry_in_files"] = round(size / entries, 1)
    return figures


def measure_hashing(database: Database) -> float:
    """Return the processor time of one leaf hash, rows in memory, in microseconds."""
    with database.transaction("auditor") as tx:
        rows = StoredLog(tx, LOG_ID).read_entries(0, 1 << BITS)
    took = []
    for _ in range(3):
        began = time.process_time()
        compute_leaf_hashes(rows)
        took.append(time.process_time() - began)
    return min(took) / len(rows) * 1e6


def empty(database: Database) -> None:
    """Throw away what an earlier run left."""
    with database.transaction("owner") as tx:
        tables = tx.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'ledger'::regnamespace"
            " AND relkind = 'r' AND relispartition"
        ).fetchall()
        for (table,) in tables:
            tx.execute(f"DROP TABLE {table}")
        tx.execute(
            "TRUNCATE ledger.log, ledger.head, ledger.tile, ledger.edge, ledger.checkpoint,"
            " ledger.session, ledger.insurer_counter, ledger.account_counter, ledger.statement,"
            " ledger.erased, ledger.segment CASCADE"
        )


async def write(database: Database, entries: int) -> None:
    """Write a log of so many answers."""
    connection = await asyncpg.connect(**database.asyncpg_kwargs("gateway"))
    writer = await LedgerWriter.open(
        connection,
        log_id=LOG_ID,
        signers=[SIGNER],
        clock_ms=lambda: time.time_ns() // 1_000_000,
        segment_bits=BITS,
    )
    while writer.size < entries:
        count = min(BATCH, entries - writer.size)
        await writer.append([make_draft(writer.size + n) for n in range(count)])
    await writer.close()
