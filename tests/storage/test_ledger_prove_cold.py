"""A proof of an entry whose opening is in its segment's file only."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.archive_samples import (
    approve,
    begin_log,
    change_value,
    copy_store,
    falsify_file,
    list_segments,
    make_acts_log,
    make_archive,
    write_entries,
)
from tests.database_copies import copied_database
from tests.ledger_samples import START_MS, make_signer

from rempart.disclosure.acts import COMMAND_LINE
from rempart.disclosure.evidence import Trust, judge_entry
from rempart.disclosure.opening import Audience
from rempart.kernel.errors import InconsistentRecord, NotFound, Unavailable
from rempart.storage.connect import Database
from rempart.storage.segment_files import SegmentStore
from rempart.workflows.ledger.prove_entry import prove_entry
from rempart.workflows.ledger.seal_segment import Archive, cool_segments, seal_segments
from rempart.workflows.retention.drop_segment import drop_segments
from rempart.workflows.retention.erase_openings import run_erasures

LATER = START_MS + 10**9
SESSION, ENTRY, ERASED = 1, 40, 41


@pytest.fixture(scope="module")
def written(template: Database) -> Iterator[Database]:
    with copied_database(template, "written_for_cold_proofs") as database:
        begin_log(database)
        write_entries(database, 600)
        yield database


@pytest.fixture
def database(written: Database) -> Iterator[Database]:
    with copied_database(written, "cold_proofs") as database:
        yield database


@pytest.fixture
def archive(database: Database, tmp_path: Path) -> Archive:
    archive = make_archive(database, tmp_path / "segments")
    list(seal_segments(archive))
    return archive


def prove(
    database: Database,
    store: SegmentStore | None,
    index: int = ENTRY,
    audience: Audience = Audience.MEMBER,
) -> str:
    with database.transaction("auditor") as tx:
        acts = make_acts_log(database)
        return prove_entry(tx, acts, 1, index, audience, store=store, by=COMMAND_LINE)


def cool(archive: Archive) -> None:
    assert len(list(cool_segments(archive, before_ms=LATER))) == 2


def count_readings(database: Database) -> int:
    with database.transaction("owner") as tx:
        [(count,)] = tx.execute(
            "SELECT count(*) FROM ledger.entry WHERE log_id = 0 AND kind = 4"
        ).fetchall()
    return count


@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize("index", [SESSION, ENTRY])
def test_the_proof_is_the_one_the_database_gave(database, archive, index, audience):
    hot = prove(database, None, index, audience)
    cool(archive)
    before = count_readings(database)
    text = prove(database, archive.store, index, audience)
    assert text == hot
    judge_entry(text, Trust([make_signer().verifier]))
    assert count_readings(database) == before + 1


def test_without_the_files_it_says_where_to_look(database, archive, tmp_path):
    cool(archive)
    for store in (None, SegmentStore(str(tmp_path / "elsewhere"))):
        with pytest.raises(Unavailable, match="REMPART_SEGMENTS"):
            prove(database, store)


def test_a_file_that_cannot_be_read_is_no_missing_entry(database, archive):
    cool(archive)
    Path(archive.store.locate(list_segments(database)[0].by_account_name)).write_bytes(b"PAR1")
    with pytest.raises(Unavailable, match="cannot be read"):
        prove(database, archive.store)


@pytest.mark.parametrize("column", ["salt", "person_ref", "t_ms", "fields", "data_version"])
def test_a_changed_row_of_a_file_gives_no_proof(database, archive, tmp_path, column):
    cool(archive)
    store = copy_store(archive, tmp_path / "false")
    name = list_segments(database)[0].by_account_name
    falsify_file(store, name, lambda table: change_value(table, column, ENTRY))
    with pytest.raises(InconsistentRecord, match="run `rempart ledger audit`"):
        prove(database, store)


def test_an_opening_that_was_erased_is_said_to_be(database, archive):
    cool(archive)
    approve(database, [ERASED])
    list(run_erasures(archive))
    with pytest.raises(NotFound, match="erased by an ERASE act"):
        prove(database, archive.store, ERASED)
    assert prove(database, archive.store, ENTRY)


def test_an_opening_that_was_dropped_is_said_to_be(database, archive):
    cool(archive)
    list(drop_segments(archive, before_ms=LATER, ground="three years"))
    with pytest.raises(NotFound, match="dropped at the end of its retention"):
        prove(database, archive.store)
