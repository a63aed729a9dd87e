"""The questions over a ledger that was really written, sealed, cooled and in part erased."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.analytics import brute_force
from tests.archive_samples import approve, begin_log, make_archive, write_entries
from tests.ledger_samples import ENTRY_COLUMNS, START_MS

from rempart.disclosure.entry import Entry
from rempart.storage.analytics import SealedFiles
from rempart.storage.connect import Database
from rempart.storage.ledger_questions import seen_by, who_saw
from rempart.storage.ledger_sources import find_sources
from rempart.workflows.ledger.seal_segment import cool_segments, seal_segments
from rempart.workflows.retention.erase_openings import run_erasures

ALL = {"from_ms": 0, "to_ms": START_MS * 2}
SESSIONS = [500_001, 500_004]
PERSONS = [9_000_000_000 + number for number in (10, 300, 900)]


@pytest.fixture
def archive(database: Database, tmp_path: Path):
    return make_archive(database, tmp_path / "segments")


def read_entries(database: Database) -> list[Entry]:
    with database.transaction("owner") as tx:
        rows = tx.execute(f"SELECT {ENTRY_COLUMNS} FROM ledger.entry WHERE log_id = 1")
        return [Entry(*row) for row in rows]


def check(database: Database, files: SealedFiles, entries: Sequence[Entry]) -> None:
    with database.transaction("auditor") as tx:
        sources = find_sources(tx, files, **ALL)
        found = [one for one in who_saw(sources, PERSONS, **ALL) if one.log_id == 1]
        persons = list(seen_by(sources, session_refs=SESSIONS, **ALL))
    assert found == brute_force.who_saw(entries, PERSONS, **ALL)
    assert persons == brute_force.seen_by(entries, sessions=SESSIONS, **ALL)
    assert persons


def test_sealing_cooling_and_erasing_change_no_answer_but_of_what_was_erased(
    database, store, duckdb_engine, archive
):
    begin_log(database)
    now_ms = write_entries(database, 1000)
    files = SealedFiles(store=store, open_engine=duckdb_engine)
    entries = read_entries(database)
    check(database, files, entries)
    assert len(list(seal_segments(archive, log_id=1))) == 3
    check(database, files, entries)
    assert list(cool_segments(archive, before_ms=now_ms + 1))
    assert len(read_entries(database)) < len(entries)
    check(database, files, entries)
    erased = [one.idx for one in entries if one.person_ref in PERSONS[:2] and one.idx < 512]
    approve(database, erased)
    assert list(run_erasures(archive))
    left = [one for one in entries if one.idx not in erased]
    check(database, files, left)
    with database.transaction("auditor") as tx:
        assert find_sources(tx, files, **ALL).reach.erased == {1: len(erased)}
