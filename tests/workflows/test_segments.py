"""Sealing, cooling, dropping and erasing: what is left, in the database and in the files."""

from pathlib import Path

import pytest
from tests.archive_samples import (
    approve,
    begin_log,
    list_segments,
    make_archive,
    write_entries,
)
from tests.ledger_samples import START_MS, read_rows

from rempart.disclosure.segment import Hold
from rempart.kernel.errors import Conflict, NotFound, Unavailable
from rempart.storage.connect import Database
from rempart.storage.ledger import load_ledger_state
from rempart.storage.segment_files import SegmentStore
from rempart.workflows.ledger.seal_segment import Archive, cool_segments, seal_segments
from rempart.workflows.retention.drop_segment import drop_segments
from rempart.workflows.retention.erase_openings import run_erasures

LATER = START_MS + 10**9


@pytest.fixture
def archive(database: Database, reachable_path: Path) -> Archive:
    """Three complete segments of 256 entries and some more, and an empty store."""
    begin_log(database)
    write_entries(database, 800)
    return make_archive(database, reachable_path / "segments")


def test_every_complete_segment_is_sealed_once(archive: Archive, database: Database):
    sealed = list(seal_segments(archive, log_id=1))
    assert [row.segment for row in sealed] == [0, 1, 2]
    assert all(row.state == "sealed" for row in sealed)
    assert list(seal_segments(archive, log_id=1)) == []
    assert list_segments(database) == sealed
    assert read_rows(
        database, "SELECT kind, count(*)::int FROM ledger.statement GROUP BY kind"
    ) == [(6, 3)]


def test_one_segment_is_sealed_alone_and_an_incomplete_one_never(archive: Archive):
    assert [row.segment for row in seal_segments(archive, log_id=1, segment=1)] == [1]
    for number in (1, 3):
        with pytest.raises(NotFound, match="no such segment"):
            list(seal_segments(archive, log_id=1, segment=number))


def test_a_store_in_memory_serves_as_well(database: Database):
    begin_log(database)
    write_entries(database, 300)
    archive = make_archive(database, SegmentStore("memory://some-bucket/segments"))
    assert len(list(seal_segments(archive))) == 1
    assert len(list(cool_segments(archive, before_ms=LATER))) == 1


def test_a_cold_segment_is_in_its_files_only(archive: Archive, database: Database):
    list(seal_segments(archive))
    cooled = list(cool_segments(archive, before_ms=LATER))
    assert [row.segment for row in cooled] == [0, 1, 2]
    assert read_rows(
        database, "SELECT count(*)::int, min(idx) FROM ledger.entry WHERE log_id = 1"
    ) == [(32, 768)]
    assert list(cool_segments(archive, before_ms=LATER)) == []


def test_an_account_whose_entries_are_all_cold_or_erased_goes_on_counting(
    database: Database, reachable_path: Path
):
    begin_log(database)
    write_entries(database, 512)
    archive = make_archive(database, reachable_path / "segments")
    approve(database, range(505, 512))
    list(run_erasures(archive))
    list(seal_segments(archive))
    list(cool_segments(archive, before_ms=LATER))
    write_entries(database, 7, now_ms=LATER)
    numbers = read_rows(
        database,
        "SELECT account_ref - 1000, acct_seq FROM ledger.entry WHERE log_id = 1 ORDER BY 1",
    )
    # 509 answers by seven accounts, a session each for three of them, then one more each.
    assert numbers == [(0, 75), (1, 75), (2, 75), (3, 74), (4, 74), (5, 73), (6, 73)]


def test_erased_openings_leave_the_database_and_the_files(archive: Archive, database: Database):
    list(seal_segments(archive, log_id=1, segment=0))
    list(seal_segments(archive, log_id=1, segment=1))
    list(cool_segments(archive, before_ms=list_segments(database)[0].last_ms + 1))
    old = list_segments(database)
    approve(database, [10, 11, 300, 600])
    [done] = run_erasures(archive)
    assert (done.erased, done.rewritten) == (4, 2)
    new = list_segments(database)
    assert [row.root for row in new] == [row.root for row in old]
    assert all(a.by_account_name != b.by_account_name for a, b in zip(new, old, strict=True))
    names = {name for name, _ in archive.store.list_files(1)}
    assert names == {n for row in new for n in (row.by_account_name, row.by_person_name)}
    assert read_rows(
        database, "SELECT count(*)::int FROM ledger.entry WHERE idx IN (300, 600)"
    ) == [(0,)]
    assert read_rows(database, "SELECT count(*)::int FROM ledger.erased") == [(4,)]
    assert list(run_erasures(archive)) == []


def test_nothing_is_taken_away_under_the_eyes_of_an_audit(archive: Archive, database: Database):
    list(seal_segments(archive, log_id=1, segment=0))
    approve(database, [10])
    with database.transaction("auditor") as tx:
        load_ledger_state(tx)
        for work in (
            lambda: run_erasures(archive),
            lambda: cool_segments(archive, before_ms=LATER),
            lambda: drop_segments(archive, before_ms=LATER, ground="three years"),
        ):
            with pytest.raises(Unavailable, match="somebody is reading the ledger"):
                list(work())
    assert [done.erased for done in run_erasures(archive)] == [1]


def test_a_held_opening_is_not_erased(archive: Archive, database: Database):
    approve(database, [10])
    with pytest.raises(Conflict, match="a hold covers"):
        list(run_erasures(archive, holds=[Hold(START_MS, LATER)]))
    assert read_rows(database, "SELECT count(*)::int FROM ledger.erased") == [(0,)]


@pytest.mark.parametrize(
    ("indexes", "reason"),
    [([790], "unfinished last tile"), ([5000], "unfinished last tile"), ([1], "only answers")],
)
def test_what_must_stay_is_not_erased(
    archive: Archive, database: Database, indexes: list[int], reason: str
):
    approve(database, indexes)
    with pytest.raises(Conflict, match=reason):
        list(run_erasures(archive))


def test_retention_drops_old_segments_and_their_files(archive: Archive, database: Database):
    list(seal_segments(archive, log_id=1))
    first = list_segments(database)[0]
    list(cool_segments(archive, before_ms=first.last_ms + 1))
    with pytest.raises(Conflict, match="a hold covers"):
        list(drop_segments(archive, before_ms=LATER, ground="x", holds=[Hold(START_MS, LATER)]))
    dropped = list(drop_segments(archive, before_ms=first.last_ms + 1, ground="three years"))
    assert [row.segment for row in dropped] == [0]
    assert {segment for _, segment in archive.store.list_files(1)} == {1, 2}
    assert read_rows(database, "SELECT count(*)::int FROM ledger.session") == [(0,)]
    list(drop_segments(archive, before_ms=LATER, ground="three years"))
    assert archive.store.list_files(1) == []
    assert [row.state for row in list_segments(database)] == ["dropped"] * 3
