"""What is sealed, erased and dropped stays accounted for: every byte of it is watched (I3, I8).

One ledger of five segments is built once: the first dropped, the second cold, the third and fourth
sealed, the fifth only complete; five openings are erased in each that is left. Whatever falsifies
it is rolled back, or done to a copy of the files.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from tests.archive_samples import (
    approve,
    begin_log,
    change_value,
    copy_store,
    falsify_file,
    list_segments,
    make_archive,
    write_entries,
)
from tests.database_copies import copied_database
from tests.ledger_samples import list_places, make_signer
from tests.storage.test_ledger_verify import change, list_columns

from rempart.disclosure.audit import LogAudit
from rempart.disclosure.cosignature import Cosigner
from rempart.disclosure.differences import Difference
from rempart.disclosure.note import parse_note
from rempart.disclosure.segment import ENTRY_COLUMNS, PERSON_COLUMNS, SegmentRow
from rempart.storage.connect import Database, Transaction
from rempart.storage.segment_files import SegmentStore
from rempart.workflows.ledger import audit_ledger as audit_ledger_module
from rempart.workflows.ledger.audit_ledger import Trust, audit_ledger
from rempart.workflows.ledger.seal_segment import Archive, cool_segments, seal_segments
from rempart.workflows.retention.drop_segment import drop_segments
from rempart.workflows.retention.erase_openings import run_erasures

DROPPED, COLD, SEALED = 0, 1, 2
ERASED = [262, 263, 400, 511, 512, 600, 767, 1030, 1031]
WITNESS = Cosigner("witness.invalid/1", bytes([3] * 32))


@pytest.fixture(scope="module")
def archive(template: Database, session_path: Path) -> Iterator[tuple[Archive, Database]]:
    with copied_database(template, "sealed_ledger") as database:
        yield build(database, session_path / "sealed"), database


def build(database: Database, path: Path) -> Archive:
    begin_log(database)
    write_entries(database, 1300)
    archive = make_archive(database, path)
    for number in range(4):
        list(seal_segments(archive, log_id=1, segment=number))
    ends = [row.last_ms for row in list_segments(database)]
    list(cool_segments(archive, before_ms=ends[COLD] + 1))
    approve(database, ERASED)
    list(run_erasures(archive))
    list(drop_segments(archive, before_ms=ends[DROPPED] + 1, ground="three years are over"))
    with database.transaction("owner") as tx:
        size, note = tx.execute(
            "SELECT size, note FROM ledger.checkpoint WHERE log_id = 1 ORDER BY size LIMIT 1"
        ).fetchone()
        line = WITNESS.cosign(parse_note(note).text, time_s=1_700_000_100)
        tx.execute(
            "INSERT INTO ledger.cosignature VALUES (1, %s, %s, %s, %s)",
            [size, WITNESS.verifier.name, 1_700_000_100_000, line],
        )
    return archive


@pytest.fixture
def store(archive: tuple[Archive, Database]) -> SegmentStore:
    return archive[0].store


@pytest.fixture
def ledger(archive: tuple[Archive, Database]) -> Iterator[Transaction]:
    """The owner's transaction, rolled back at the end."""
    with archive[1].connect("owner") as tx:
        yield tx
        tx.rollback()


@pytest.fixture
def copy(archive: tuple[Archive, Database], tmp_path: Path) -> SegmentStore:
    return copy_store(archive[0], tmp_path / "copy")


def find(tx: Transaction, store: SegmentStore) -> list[Difference]:
    return audit_ledger(tx, store=store, trust=Trust(witnesses=[WITNESS.verifier])).differences


def find_row(tx: Transaction, segment: int) -> SegmentRow:
    row = tx.execute(
        "SELECT * FROM ledger.segment WHERE log_id = 1 AND segment = %s", [segment]
    ).fetchone()
    return SegmentRow(*row)


def list_rules(differences: list[Difference]) -> set[tuple[str, str, tuple[int, ...]]]:
    return {(one.rule, one.table, tuple(one.row.values())) for one in differences}


def test_what_is_sealed_erased_and_dropped_is_sound(
    archive: tuple[Archive, Database], store: SegmentStore
):
    with archive[1].transaction("auditor") as tx:
        verdict = audit_ledger(tx, store=store, trust=Trust(keys=[make_signer().verifier]))
    assert verdict.is_sound, verdict.differences
    assert verdict.unfinished == []
    log = verdict.logs[1]
    assert (log.entries, log.segments, log.erased) == (1300, 4, 256 + len(ERASED))


def test_every_column_of_the_rows_that_account_for_openings_is_watched(
    ledger: Transaction, store: SegmentStore
):
    for table, where in (
        ("segment", f"segment = {COLD}"),
        ("segment", f"segment = {SEALED}"),
        ("segment", f"segment = {DROPPED}"),
        ("erased", "idx = 400"),
        ("statement", "idx = 0"),
        ("cosignature", "true"),
    ):
        for column in list_columns(ledger, table):
            if (table, column) == ("segment", "state"):
                continue
            with ledger.transaction(force_rollback=True):
                if column == "drop_idx" and int(where[-1]) != DROPPED:
                    ledger.execute(f"UPDATE ledger.segment SET drop_idx = 0 WHERE {where}")
                else:
                    change(ledger, table, column, where)
                found = find(ledger, store)
                assert any(one.table in (table, "entry", "segment") for one in found), (
                    f"{table}.{column} where {where}"
                )


@pytest.mark.parametrize(
    ("segment", "state"),
    [
        (COLD, "sealed"),
        (COLD, "dropped"),
        (SEALED, "cold"),
        (SEALED, "dropped"),
        (DROPPED, "cold"),
        (DROPPED, "sealed"),
    ],
)
def test_a_segment_cannot_be_said_to_be_elsewhere(
    ledger: Transaction, store: SegmentStore, segment: int, state: str
):
    ledger.execute("UPDATE ledger.segment SET state = %s WHERE segment = %s", [state, segment])
    assert find(ledger, store)


def test_a_row_that_accounts_for_openings_cannot_be_taken_away(
    ledger: Transaction, store: SegmentStore
):
    for table, where, place in (
        ("segment", f"segment = {COLD}", ("entry", (256,))),
        ("segment", f"segment = {DROPPED}", ("entry", (0,))),
        ("erased", "idx = 1030", ("entry", (1030,))),
        ("erased", "idx = 400", ("segment", (1, 400))),
        ("statement", "kind = 5", ("statement", (4,))),
    ):
        with ledger.transaction(force_rollback=True):
            ledger.execute(f"DELETE FROM ledger.{table} WHERE {where}")
            assert place in list_places(find(ledger, store)), f"{table} where {where}"


@pytest.mark.parametrize("segment", [COLD, SEALED])
@pytest.mark.parametrize("which", ["by_account_name", "by_person_name"])
def test_a_flipped_byte_of_a_file_is_found_wherever_it_is(
    ledger: Transaction, copy: SegmentStore, segment: int, which: str
):
    path = Path(copy.locate(getattr(find_row(ledger, segment), which)))
    whole = path.read_bytes()
    parts = 0
    for place in range(0, len(whole), len(whole) // 12):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        found = find(ledger, copy)
        column = which.removesuffix("_name")
        assert ("segment", (segment,)) in list_places(found), place
        assert any(one.columns == (column,) for one in found)
        parts += any("row group 0, column" in one.message for one in found)
    # The rest of so small a file is its header and its footer.
    assert parts > 2
    path.write_bytes(whole)
    assert find(ledger, copy) == []


@pytest.mark.parametrize("segment", [COLD, SEALED])
def test_a_changed_value_of_a_file_is_located_to_its_row(
    ledger: Transaction, copy: SegmentStore, segment: int
):
    row = find_row(ledger, segment)
    index = 256 * segment + 77
    for name, columns in (
        (row.by_account_name, ENTRY_COLUMNS),
        (row.by_person_name, PERSON_COLUMNS),
    ):
        path = Path(copy.locate(name))
        whole = path.read_bytes()
        for column in columns if segment == COLD else columns[::4]:
            falsify_file(
                copy, name, lambda table, column=column: change_value(table, column, index)
            )
            places = list_places(find(ledger, copy))
            assert ("segment", (segment, index)) in places, f"{name} {column}"
            path.write_bytes(whole)


def reseal(tx: Transaction, store: SegmentStore, segment: int) -> None:
    """Give a segment's row the digests of its files, as somebody would who forges the row."""
    row = find_row(tx, segment)
    tx.execute(
        "UPDATE ledger.segment SET by_account_digest = decode(%s, 'hex'),"
        " by_person_digest = decode(%s, 'hex') WHERE log_id = 1 AND segment = %s",
        [store.measure(row.by_account_name)[0], store.measure(row.by_person_name)[0], segment],
    )


@pytest.mark.parametrize("segment", [COLD, SEALED])
@pytest.mark.parametrize(
    ("falsify", "rules"),
    [
        (lambda table: table.slice(1), {"missing_row"}),
        (lambda table: pa.concat_tables([table, table.slice(3, 1)]), {"extra_row"}),
        (
            lambda table: change_value(table, "log_id", table["idx"][9].as_py()),
            {"extra_row", "missing_row"},
        ),
        (lambda table: table.sort_by([("person_ref", "descending")]), set()),
    ],
    ids=["one row too few", "one row twice", "a row of another log", "sorted otherwise"],
)
def test_rows_of_a_file_are_counted_and_their_order_is_free(
    ledger: Transaction,
    copy: SegmentStore,
    segment: int,
    falsify: Callable[[pa.Table], pa.Table],
    rules: set[str],
):
    falsify_file(copy, find_row(ledger, segment).by_account_name, falsify)
    found = find(ledger, copy)
    rows = [one for one in found if len(one.row) == 2 and one.columns != ("by_person",)]
    assert {one.rule for one in rows} == rules
    # A digest that was forged along is not the act's.
    reseal(ledger, copy, segment)
    assert ("statement", "segment", (segment,)) in list_rules(find(ledger, copy))


def test_a_file_that_is_gone_is_missed(ledger: Transaction, copy: SegmentStore):
    for segment in (COLD, SEALED):
        copy.delete(find_row(ledger, segment).by_person_name)
    copy.delete(find_row(ledger, COLD).by_account_name)
    found = list_rules(find(ledger, copy))
    assert ("missing_row", "segment", (SEALED,)) in found
    assert ("missing_row", "segment", (COLD, 256)) in found


def test_a_dropped_segment_needs_its_act_and_leaves_no_file(
    ledger: Transaction, archive: tuple[Archive, Database], copy: SegmentStore
):
    row = find_row(ledger, DROPPED)
    path = Path(copy.locate(row.by_account_name))
    path.write_bytes(b"what somebody kept")
    assert list_rules(find(ledger, copy)) == {("erasure", "segment", (DROPPED,))}
    path.unlink()
    ledger.execute("UPDATE ledger.segment SET drop_idx = NULL WHERE segment = %s", [DROPPED])
    assert ("no_act", "segment", (DROPPED,)) in list_rules(find(ledger, copy))


def test_an_opening_that_is_gone_without_a_reason_is_missed(
    ledger: Transaction, store: SegmentStore
):
    ledger.execute("DELETE FROM ledger.entry WHERE log_id = 1 AND idx = 1100")
    [found] = find(ledger, store)
    assert (found.rule, found.table, found.row) == ("missing_row", "entry", {"idx": 1100})


def test_an_opening_cannot_be_excused_by_a_row_alone(ledger: Transaction, store: SegmentStore):
    ledger.execute("DELETE FROM ledger.entry WHERE log_id = 1 AND idx = 1100")
    ledger.execute(
        "INSERT INTO ledger.erased SELECT log_id, 1100, act_log, act_idx"
        " FROM ledger.erased WHERE idx = 1030"
    )
    assert {one.rule for one in find(ledger, store)} == {"erasure"}
    ledger.execute("UPDATE ledger.erased SET act_idx = 900 WHERE idx = 1100")
    assert {one.rule for one in find(ledger, store)} == {"no_act"}


def test_an_erased_opening_that_came_back_is_told(ledger: Transaction, store: SegmentStore):
    ledger.execute(
        "INSERT INTO ledger.entry SELECT (jsonb_populate_record(entry,"
        " jsonb_build_object('idx', 1030))).* FROM ledger.entry WHERE log_id = 1 AND idx = 1029"
    )
    assert ("erasure", "entry", (1030,)) in list_rules(find(ledger, store))


def test_a_row_in_the_database_of_a_cold_segment_is_told(ledger: Transaction, store: SegmentStore):
    ledger.execute("SELECT ledger.ensure_segment(1::smallint, 1)")
    ledger.execute(
        "INSERT INTO ledger.entry SELECT (jsonb_populate_record(entry,"
        " jsonb_build_object('idx', 300))).* FROM ledger.entry WHERE log_id = 1 AND idx = 1029"
    )
    assert list_rules(find(ledger, store)) == {("extra_row", "entry", (300,))}


def test_mutation_an_audit_that_believes_the_list_of_erased_openings_misses_one_taken_away(
    ledger: Transaction, store: SegmentStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(audit_ledger_module, "check_erasures", lambda groups, acts: [])
    ledger.execute("DELETE FROM ledger.entry WHERE log_id = 1 AND idx = 1100")
    ledger.execute("INSERT INTO ledger.erased VALUES (1, 1100, 0, 900)")
    assert find(ledger, store) == []


def test_mutation_an_audit_that_asks_no_reason_misses_an_opening_that_is_gone(
    ledger: Transaction, store: SegmentStore, monkeypatch: pytest.MonkeyPatch
):
    def put_in_place(self: LogAudit, start: int, stop: int, rows: list, erased: object) -> list:
        found = {row[1]: row for row in rows}
        return [found.get(index) for index in range(start, stop)]

    monkeypatch.setattr(LogAudit, "_explain", put_in_place)
    ledger.execute("DELETE FROM ledger.entry WHERE log_id = 1 AND idx = 1100")
    assert find(ledger, store) == []
