"""Two months of a country's ledger, as in service: written by two gateways, sealed, let go, asked.

    python -m bench year --entries 200000000

Entries go through the writer that gateways have, 500 at a time, into two logs at once, while an
archivist seals what is complete and takes it out of the database. Then both logs are audited from
their files, and asked for what 400 stolen sessions saw. Interrupted anywhere, the same command goes
on. Contents are those of `bench questions`; needs 30 GB of disk.
"""

import asyncio
import contextlib
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.ledger_files import BITS, SEGMENT, Part, invent_segment
from bench.ledger_questions import ATTACK, measure_seen_by, measure_who_saw
from bench.machinery import DATA, Stopwatch, running_database, save_results
from rempart.disclosure.entry import Draft
from rempart.disclosure.note import NoteSigner
from rempart.disclosure.segment import SegmentRow, SegmentState
from rempart.kernel.errors import Unavailable
from rempart.storage import segments
from rempart.storage.connect import Database
from rempart.storage.ledger_writer import LedgerWriter
from rempart.wiring.database import Installation, locate_database
from rempart.wiring.home import Home
from rempart.wiring.segments import open_archive, open_segment_store
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.audit_ledger import audit_ledger
from rempart.workflows.ledger.seal_segment import cool_segments, seal_segments

HOME: Final = DATA / "year"
LOGS: Final = (1, 2)
BATCH: Final = 500
POLL_S: Final = 2.0

_console = Console()


def run(*, entries: int) -> None:
    """Write and seal what is missing, audit, ask; print and save."""
    # Whole segments of both logs, so that files hold all of it.
    each = -(-entries // (SEGMENT * len(LOGS))) << BITS
    figures: dict[str, Any] = {"entries": each * len(LOGS)}
    with running_database(HOME) as database:
        figures["written_and_sealed"] = _write_all(database, each)
        rows = _list_segments(database)
        store = open_segment_store(_open().settings, _open().home)
        size = sum(
            Path(store.locate(name)).stat().st_size
            for row in rows
            for name in (row.by_account_name, row.by_person_name)
        )
        figures["bytes_an_entry_in_files"] = size / figures["entries"]
        _console.print(f"{len(rows)} segments, {size / 1e9:.1f} GB of sealed files")
        figures["audit"] = _audit_all(each)
        parts = [_describe(row) for row in rows]
        everything = {"from_ms": 0, "to_ms": max(row.last_ms for row in rows) + 1}
        with database.transaction("auditor") as tx:
            figures["seen_by_attack"] = measure_seen_by(tx, store, parts, **ATTACK)
            figures["seen_by_everything"] = measure_seen_by(tx, store, parts, **everything)
            figures["who_saw"] = measure_who_saw(tx, store, parts)
    _console.print_json(data=figures)
    _console.print(f"saved in {save_results(f'ledger-year-{entries}', figures)}")


def _write_all(database: Database, each: int) -> dict[str, float]:
    """Write and seal until both logs hold so many entries, in sealed files alone.

    Returns:
        Entries, seconds and processor seconds of these processes, of all runs since the first.
    """
    kept = HOME / "year.json"
    totals = json.loads(kept.read_text()) if kept.exists() else {}
    used, before = _use_of_children(), _count_written(database)
    with Stopwatch() as taken, _at_work(each) as workers:
        _watch(database, each, workers)
    totals = {
        name: totals.get(name, 0) + value
        for name, value in {
            "entries": _count_written(database) - before,
            "seconds": taken.seconds,
            "processor_s": _use_of_children() - used,
        }.items()
    }
    kept.write_text(json.dumps(totals))
    return totals


@contextlib.contextmanager
def _at_work(each: int) -> Iterator[list[BaseProcess]]:
    """Hold two writers and an archivist at work; they stop when this ends, or dies."""
    spawn = multiprocessing.get_context("spawn")
    workers: list[BaseProcess] = [
        spawn.Process(target=_write_log, args=(log_id, each), name=f"writer of log {log_id}")
        for log_id in LOGS
    ]
    workers.append(spawn.Process(target=_seal_on, args=(each,), name="archivist"))
    for one in workers:
        one.start()
    try:
        yield workers
    finally:
        for one in workers:
            one.terminate()
            one.join()


def _watch(database: Database, each: int, workers: list[BaseProcess]) -> None:
    """Show how far they are until all is sealed; fail when one of them failed."""
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[pace]}"), TimeElapsedColumn()),
    )
    with Progress(*columns, console=_console) as progress:
        written = progress.add_task("written", total=each * len(LOGS), pace="")
        cold = progress.add_task("sealed and let go", total=each * len(LOGS), pace="")
        first, began = _count_written(database), time.monotonic()
        while any(one.is_alive() for one in workers):
            time.sleep(POLL_S)
            now = _count_written(database)
            pace = (now - first) / (time.monotonic() - began)
            progress.update(written, completed=now, pace=f"{pace:,.0f} a second")
            progress.update(cold, completed=_count_cold(database))
            for one in workers:
                if one.exitcode:
                    raise SystemExit(f"the {one.name} failed: see above")


def _write_log(log_id: int, each: int) -> None:
    """Write one log: every second look-up of those that are invented."""
    asyncio.run(_append(log_id, each, os.getppid()))


async def _append(log_id: int, each: int, parent: int) -> None:
    at, clock = _open(), _Clock()
    connection = await asyncpg.connect(**at.database.asyncpg_kwargs("gateway"))
    writer = await LedgerWriter.open(
        connection,
        log_id=log_id,
        signers=[NoteSigner(f"rempart.invalid/bench/log/{log_id}", bytes([log_id] * 32))],
        clock_ms=clock,
        segment_bits=BITS,
        patience_s=30,
    )
    for drafts in _draft(log_id, writer.size, each, clock):
        if os.getppid() != parent:
            break
        await writer.append(drafts)
    await writer.close()


class _Clock:
    """Says the time of the look-ups that are being written."""

    now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


def _draft(log_id: int, first: int, stop: int, clock: _Clock) -> Iterator[list[Draft]]:
    """Yield the drafts of a log's entries between two places, and move the clock with them."""
    half = SEGMENT // len(LOGS)
    for number in range(first // half, -(-stop // half)):
        columns = invent_segment(number)
        times = columns["t_ms"][LOGS.index(log_id) :: len(LOGS)]
        mine = [columns[name][LOGS.index(log_id) :: len(LOGS)] for name in Draft._fields]
        for start in range(max(first - number * half, 0), half, BATCH):
            place = slice(start, start + BATCH)
            clock.now_ms = int(times[place][-1])
            rows = zip(*(column[place].tolist() for column in mine), strict=True)
            yield list(map(Draft._make, rows))


def _seal_on(each: int) -> None:
    """Seal what is complete and take it out of the database, until all of it is cold."""
    parent, at = os.getppid(), _open()
    archive = open_archive(at)
    while os.getppid() == parent and _count_cold(at.database) < each * len(LOGS):
        next(seal_segments(archive), None)
        # Refused while somebody reads the ledger: the next turn takes them.
        with contextlib.suppress(Unavailable):
            list(cool_segments(archive, before_ms=1 << 60))
        time.sleep(POLL_S)


def _audit_all(each: int) -> dict[str, Any]:
    """Audit both logs from their files, one a core."""
    with Stopwatch() as taken, ProcessPoolExecutor(len(LOGS)) as pool:
        used = sum(pool.map(_audit, LOGS))
    entries = each * len(LOGS)
    _console.print(f"audited, no difference: {entries / taken.seconds:,.0f} entries a second")
    return {"seconds": taken.seconds, "per_second_and_core": entries / used}


def _audit(log_id: int) -> float:
    at = _open()
    began = time.process_time()
    with at.database.transaction("auditor") as tx:
        store = open_segment_store(at.settings, at.home)
        verdict = audit_ledger(tx, log_id=log_id, store=store)
    if not verdict.is_sound:
        raise RuntimeError(f"log {log_id}: {verdict.differences[:3]}")
    return time.process_time() - began


def _open() -> Installation:
    settings = Settings(home=HOME)
    home = Home.open(HOME)
    return Installation(settings=settings, home=home, database=locate_database(settings, home))


def _count_written(database: Database) -> int:
    with database.transaction("auditor") as tx:
        rows = tx.execute("SELECT size FROM ledger.head WHERE log_id = ANY(%s)", [list(LOGS)])
        return sum(size for (size,) in rows)


def _count_cold(database: Database) -> int:
    return sum(row.state == SegmentState.COLD for row in _list_segments(database)) << BITS


def _list_segments(database: Database) -> list[SegmentRow]:
    """Return what is sealed of both logs, oldest first."""
    with database.transaction("archivist") as tx:
        rows = [row for log_id in LOGS for row in segments.list_segments(tx, log_id)]
    return sorted(rows, key=lambda row: (row.segment, row.log_id))


def _describe(row: SegmentRow) -> Part:
    names = (row.by_account_name, row.by_person_name)
    return Part(row.segment, SEGMENT, row.first_ms, row.last_ms, *names)


def _use_of_children() -> float:
    """Return the processor seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
