"""Sealing, cooling, erasing and dropping, stopped at each step: run again, each comes to its end.

Each step fails twice: before it did anything, and after it did everything but could not say so.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.archive_samples import (
    approve,
    begin_log,
    list_segments,
    make_archive,
    write_entries,
)
from tests.database_copies import copied_database
from tests.ledger_samples import START_MS

from rempart.storage import cold_rows, segments
from rempart.storage.connect import Database
from rempart.storage.segment_files import SegmentStore
from rempart.workflows.ledger import seal_segment
from rempart.workflows.ledger.audit_ledger import LedgerVerdict, audit_ledger
from rempart.workflows.ledger.seal_segment import Archive, cool_segments, seal_segments
from rempart.workflows.retention import drop_segment, erase_openings
from rempart.workflows.retention.drop_segment import drop_segments
from rempart.workflows.retention.erase_openings import run_erasures

LATER = START_MS + 10**9
ERASED = [20, 300]


class Stopped(Exception):
    """The process ended here."""


@pytest.fixture(scope="module")
def built(template: Database, session_path: Path) -> Iterator[tuple[Database, Path]]:
    """Three segments: one cold, one sealed, one complete; two openings are to be erased."""
    path = session_path / "stopped"
    with copied_database(template, "before_it_stopped") as database:
        begin_log(database)
        write_entries(database, 800)
        archive = make_archive(database, path)
        for number in (0, 1):
            list(seal_segments(archive, log_id=1, segment=number))
        list(cool_segments(archive, before_ms=list_segments(database)[0].last_ms + 1))
        approve(database, ERASED)
        yield database, path


@pytest.fixture
def database(built: tuple[Database, Path]) -> Iterator[Database]:
    with copied_database(built[0], "stopped_work") as database:
        yield database


@pytest.fixture
def archive(built: tuple[Database, Path], database: Database, reachable_path: Path) -> Archive:
    shutil.copytree(built[1], reachable_path / "segments")
    return make_archive(database, reachable_path / "segments")


def audit(database: Database, archive: Archive) -> LedgerVerdict:
    with database.transaction("auditor") as tx:
        return audit_ledger(tx, store=archive.store)


def break_step(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *, done: bool, count: int
) -> None:
    """Stop the `count`-th call of a step, before it or after it did everything."""
    step = getattr(owner, name)
    calls = [0]

    def stop(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] != count:
            return step(*args, **kwargs)
        if done:
            step(*args, **kwargs)
        raise Stopped

    monkeypatch.setattr(owner, name, stop)


SEALING = [
    (SegmentStore, "write", 1),
    (SegmentStore, "write", 2),
    (seal_segment, "fold_file", 1),
    (seal_segment, "record_act", 1),
    (segments, "save_segment", 1),
]
COOLING = [(seal_segment, "fold_file", 1), (segments, "cool_segment", 1)]
ERASING = [
    (erase_openings, "record_act", 1),
    (SegmentStore, "write", 1),
    (SegmentStore, "write", 4),
    (seal_segment, "record_act", 1),
    (seal_segment, "record_act", 2),
    (segments, "save_segment", 2),
    (segments, "erase_openings", 1),
    (SegmentStore, "delete", 1),
    (SegmentStore, "delete", 3),
]
DROPPING = [
    (drop_segment, "record_act", 1),
    (segments, "drop_segment", 1),
    (SegmentStore, "delete", 1),
    (SegmentStore, "delete", 2),
]
STEPS = [
    *((lambda a: seal_segments(a, log_id=1), *step) for step in SEALING),
    *((lambda a: cool_segments(a, before_ms=LATER), *step) for step in COOLING),
    *((run_erasures, *step) for step in ERASING),
    *((lambda a: drop_segments(a, before_ms=LATER, ground="g"), *step) for step in DROPPING),
]


@pytest.mark.parametrize("done", [False, True], ids=["it failed", "it was done, and not said"])
@pytest.mark.parametrize(("work", "owner", "name", "count"), STEPS)
def test_work_that_is_stopped_anywhere_loses_nothing_and_ends_when_run_again(
    archive: Archive,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[Archive], Any],
    owner: Any,
    name: str,
    count: int,
    done: bool,
):
    with monkeypatch.context() as broken:
        break_step(broken, owner, name, done=done, count=count)
        with pytest.raises(Stopped):
            list(work(archive))
    # A file that should be gone may be there still; that alone is told.
    assert {one.rule for one in audit(database, archive).differences} <= {"erasure"}
    list(work(archive))
    verdict = audit(database, archive)
    assert verdict.is_sound, verdict.differences
    assert verdict.unfinished == []
    kept = {
        name
        for row in list_segments(database)
        if row.state != "dropped"
        for name in (row.by_account_name, row.by_person_name)
    }
    assert {name for name, _ in archive.store.list_files(1)} == kept


def test_what_a_crash_in_the_middle_of_a_file_leaves_is_swept(
    archive: Archive, database: Database, monkeypatch: pytest.MonkeyPatch
):
    def stop(*_: Any) -> None:
        raise Stopped

    with monkeypatch.context() as broken:
        broken.setattr("rempart.storage.file_store.os.fsync", stop)
        broken.setattr(Path, "unlink", lambda *_, **__: None)  # whoever is killed removes nothing
        with pytest.raises(Stopped):
            list(seal_segments(archive, log_id=1))
    folder = Path(archive.store.locate("log-1"))
    assert [path.suffix for path in folder.glob("2.*")] == [".partial"]
    list(seal_segments(archive, log_id=1))
    assert not list(folder.glob("*.partial"))
    assert audit(database, archive).is_sound


def test_mutation_a_seal_that_does_not_read_back_seals_a_file_that_the_disk_spoilt(
    archive: Archive, database: Database, monkeypatch: pytest.MonkeyPatch
):
    write = SegmentStore.write

    def spoil(self: SegmentStore, name: str, schema: Any, batches: Any) -> None:
        write(self, name, schema, (batch.slice(1) for batch in batches))

    monkeypatch.setattr(SegmentStore, "write", spoil)
    with pytest.raises(Exception, match="do not lead to its tile"):
        list(seal_segments(archive, log_id=1))
    assert len(list_segments(database)) == 2

    fold_file = cold_rows.fold_file

    def believe(*args: Any, **kwargs: Any) -> Any:
        fold, _ = fold_file(*args, **kwargs)
        fold.missing.clear()
        return fold, []

    monkeypatch.setattr(seal_segment, "fold_file", believe)
    monkeypatch.setattr(seal_segment, "find_disagreements", lambda *_: [])
    list(seal_segments(archive, log_id=1))
    assert "missing_row" in {one.rule for one in audit(database, archive).differences}
