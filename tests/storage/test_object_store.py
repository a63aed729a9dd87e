"""Files of segments in a store of objects: written twice, cut in the middle, read after a drop."""

from collections.abc import Callable, Iterator
from random import Random

import duckdb
import pyarrow as pa
import pytest
from tests.archive_samples import (
    begin_log,
    list_segments,
    make_archive,
    write_entries,
)
from tests.database_copies import copied_database
from tests.ledger_samples import START_MS
from tests.object_store import BucketFile, BucketFileSystem
from tests.segment_samples import SEGMENT, invent_entries

from rempart.disclosure.segment import ENTRY_COLUMNS
from rempart.kernel.errors import Unavailable
from rempart.storage.analytics import Means, SealedFiles, open_engine
from rempart.storage.cold_history import read_cold_history
from rempart.storage.connect import Database
from rempart.storage.segment_files import (
    BY_ACCOUNT,
    BY_PERSON,
    UNREADABLE,
    SegmentStore,
    make_batch,
    read_entry,
    sort_by_person,
)
from rempart.workflows.ledger.audit_ledger import audit_ledger
from rempart.workflows.ledger.seal_segment import cool_segments, seal_segments
from rempart.workflows.retention.drop_segment import drop_segments

NAME, OTHER = "log-1/0.by-account.parquet", "log-1/0.by-person.parquet"
LATER = START_MS + 10**9


@pytest.fixture
def store() -> Iterator[SegmentStore]:
    """A bucket of this test alone."""
    BucketFileSystem.objects.clear()
    BucketFileSystem.parts_left = None
    yield SegmentStore("bucket://ledger/segments")
    BucketFileSystem.objects.clear()
    BucketFileSystem.parts_left = None


@pytest.fixture
def make_rows() -> Callable[[int], pa.RecordBatch]:
    """Makes the rows of a segment."""
    random = Random(3)

    def make(log_id: int) -> pa.RecordBatch:
        entries = invent_entries(random, SEGMENT, log_id=log_id)
        return make_batch(BY_ACCOUNT, [tuple(one) for one in entries])

    return make


def read(store: SegmentStore, name: str = NAME) -> pa.Table:
    return pa.Table.from_batches(store.read_batches(name, ENTRY_COLUMNS))


def test_a_file_written_twice_is_the_second_one(store, make_rows):
    first, second = make_rows(1), make_rows(2)
    store.write(NAME, BY_ACCOUNT, [first])
    store.write(NAME, BY_ACCOUNT, [second])
    assert read(store) == pa.Table.from_batches([second])
    assert store.list_files(1) == [(NAME, 0)]


def test_questions_read_an_object_like_a_file(store, make_rows):
    rows = make_rows(1)
    store.write(NAME, BY_ACCOUNT, [rows])
    store.write(OTHER, BY_PERSON, sort_by_person(store, NAME))
    persons = pa.Table.from_batches(store.read_batches(OTHER, ("person_ref",)))
    assert persons.column("person_ref").to_pylist() == sorted(
        rows.column(rows.schema.get_field_index("person_ref")).to_pylist()
    )
    assert read_entry(store, NAME, 40) == tuple(column[40].as_py() for column in rows.columns)
    assert read_entry(store, NAME, SEGMENT) is None


def cut_by_its_source(store: SegmentStore, rows: pa.RecordBatch) -> None:
    """Write half of a file, then have its rows fail."""

    def give() -> Iterator[pa.RecordBatch]:
        yield rows.slice(0, SEGMENT // 2)
        raise duckdb.IOException("the database went away")

    with pytest.raises(duckdb.IOException):
        store.write(NAME, BY_ACCOUNT, give())


def cut_by_the_network(store: SegmentStore, rows: pa.RecordBatch) -> None:
    """Write a file to a store that goes away after a part."""
    BucketFileSystem.parts_left = 1
    with pytest.raises(Unavailable, match="segments' store refuses"):
        store.write(NAME, BY_ACCOUNT, [rows])
    BucketFileSystem.parts_left = None


@pytest.mark.parametrize("cut", [cut_by_its_source, cut_by_the_network])
def test_what_is_cut_in_the_middle_is_not_there(store, make_rows, cut):
    cut(store, make_rows(1))
    assert not store.has(NAME)
    assert store.list_files(1) == []


@pytest.mark.parametrize("cut", [cut_by_its_source, cut_by_the_network])
def test_what_is_cut_in_the_middle_leaves_the_file_it_would_have_replaced(store, make_rows, cut):
    rows = make_rows(1)
    store.write(NAME, BY_ACCOUNT, [rows])
    cut(store, make_rows(2))
    assert read(store) == pa.Table.from_batches([rows])


def test_mutation_an_upload_that_closing_completes_leaves_half_a_file(
    store, make_rows, monkeypatch
):
    monkeypatch.setattr(BucketFile, "discard", BucketFile.commit)
    with pytest.raises(AssertionError):
        test_what_is_cut_in_the_middle_is_not_there(store, make_rows, cut_by_its_source)


def test_a_file_that_was_dropped_is_missing_not_empty(store, make_rows):
    store.write(NAME, BY_ACCOUNT, [make_rows(1)])
    store.delete(NAME)
    store.delete(NAME)
    assert not store.has(NAME)
    with pytest.raises(UNREADABLE):
        list(store.read_batches(NAME, ENTRY_COLUMNS))
    with pytest.raises(UNREADABLE):
        read_entry(store, NAME, 1)


def test_a_ledger_lives_in_a_bucket(template: Database, store: SegmentStore):
    """Sealed over what a crash left, cooled, audited, read, dropped, and read again."""
    with copied_database(template, "in_a_bucket") as database:
        begin_log(database)
        write_entries(database, 600)
        archive = make_archive(database, store)
        BucketFileSystem.parts_left = 3
        with pytest.raises(Unavailable):
            list(seal_segments(archive))
        BucketFileSystem.parts_left = None
        assert list_segments(database) == []
        list(seal_segments(archive))
        list(cool_segments(archive, before_ms=LATER))
        assert [row.state for row in list_segments(database)] == ["cold", "cold"]
        with database.transaction("auditor") as tx:
            assert audit_ledger(tx, store=store).is_sound
            files = SealedFiles(
                store=store, open_engine=lambda: open_engine(store, Means(memory="100MB"))
            )
            [(person_ref,)] = tx.execute(
                "SELECT person_ref FROM ledger.entry WHERE person_ref <> 0 LIMIT 1"
            ).fetchall()
            assert len(read_cold_history(tx, files, person_ref).read) == 2
        list(drop_segments(archive, before_ms=LATER, ground="three years"))
        assert BucketFileSystem.objects == {}
        with database.transaction("auditor") as tx:
            assert read_cold_history(tx, files, person_ref).segments == ()
