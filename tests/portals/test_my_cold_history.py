"""« Qui a consulté mes droits » once openings left the database: the whole period kept is shown."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import asyncpg
import pyarrow as pa
import pytest
from django.test import Client
from tests.archive_samples import begin_log, falsify_file, make_purge_journal
from tests.ledger_samples import make_signer
from tests.portals import people
from tests.portals.test_my_history import (
    PAGE,
    draft,
    hold,
    member,
    person_of,
    pharmacy,
    rows,
    signed_in,
    stranger,
    text,
)

from rempart.disclosure.entry import Mode
from rempart.disclosure.evidence import Trust, judge_entry
from rempart.kernel.errors import Conflict
from rempart.storage.analytics import Means, SealedFiles, open_engine
from rempart.storage.cold_history import ColdHistory
from rempart.storage.ledger_writer import LedgerWriter
from rempart.storage.segment_files import SegmentStore
from rempart.workflows.ledger.seal_segment import Archive, cool_segments, seal_segments
from rempart.workflows.members import member_history
from rempart.workflows.retention.drop_segment import drop_segments

__all__ = ["member", "pharmacy", "signed_in", "stranger"]

LOG_ID = 61
WIDTH = 256
MINE, THEIRS, FRESH = 20, 30, WIDTH + 4


def write(desk, drafts: list) -> None:
    """Append to a log of small segments, forty days ago."""
    now_ms = int((desk.clock - timedelta(days=40)).timestamp() * 1000)

    async def append() -> None:
        connection = await asyncpg.connect(**desk.database.asyncpg_kwargs("gateway"))
        writer = await LedgerWriter.open(
            connection, log_id=LOG_ID, signers=[make_signer(LOG_ID)], clock_ms=lambda: now_ms
        )
        await writer.append(drafts)
        await writer.close()

    asyncio.run(append())


@pytest.fixture
def archive(desk, tmp_path: Path) -> Archive:
    """What seals and cools the segments of the desk's ledger."""
    return Archive(
        begin=lambda: desk.database.transaction("archivist"),
        store=SegmentStore(str(tmp_path / "segments")),
        acts=desk.acts,
        journal=make_purge_journal(),
    )


@pytest.fixture
def consulted(desk, member, stranger, pharmacy, signed_in) -> Client:
    """The member's browser, once two members were asked about in a segment, and one after it."""
    mine, theirs = person_of(desk, member), person_of(desk, stranger)
    begin_log(desk.database, LOG_ID)
    drafts = [draft((9_000_000 + n, mine[1]), 11 + n % 5) for n in range(WIDTH + 10)]
    drafts[MINE] = draft(mine, pharmacy, data_version=4)
    drafts[THEIRS] = draft(theirs, pharmacy)
    drafts[FRESH] = draft(mine, pharmacy, mode=Mode.TYPED)
    write(desk, drafts)
    desk.log_keys = (make_signer(LOG_ID).verifier,)
    return signed_in


@pytest.fixture
def cold(desk, consulted, archive) -> Client:
    """The same, once the openings of the first segment are in files only."""
    seal(desk, archive)
    return consulted


def seal(desk, archive: Archive) -> None:
    """Seal the first segment and take it out of the database; the portals reach its files."""
    list(seal_segments(archive, log_id=LOG_ID))
    assert len(list(cool_segments(archive, before_ms=1 << 60))) == 1
    store = archive.store
    desk.sealed_files = SealedFiles(
        store=store, open_engine=lambda: open_engine(store, Means(memory="100MB", threads=1))
    )


def of_pharmacy(answer) -> list[str]:
    return [row for row in rows(answer) if "Vieux-Pont" in row]


def test_a_member_sees_the_same_before_and_after_the_openings_left_the_database(
    desk, consulted, archive
):
    before = of_pharmacy(consulted.get(PAGE))
    exported = consulted.get(f"{PAGE}.csv").content
    assert len(before) == 2
    seal(desk, archive)
    assert of_pharmacy(consulted.get(PAGE)) == before
    assert consulted.get(f"{PAGE}.csv").content == exported
    assert "archivée" not in text(consulted.get(PAGE))
    assert len(of_pharmacy(consulted.get(f"{PAGE}?mois=2026-10"))) == 2
    assert of_pharmacy(consulted.get(f"{PAGE}?mois=2026-09")) == []


def test_the_reading_is_on_record_like_any(desk, cold):
    cold.get(PAGE)
    with desk.database.transaction("owner") as tx:
        [(body,)] = tx.execute(
            "SELECT s.body FROM ledger.entry AS e JOIN ledger.statement AS s USING (log_id, idx)"
            " WHERE e.log_id = 0 AND e.kind = 4"
        ).fetchall()
    assert json.loads(body)["question"] == "own-history"


def test_a_cold_line_has_a_proof_that_needs_nothing_else(desk, cold, member):
    answer = cold.get(f"{PAGE}/{LOG_ID}-{MINE}/preuve")
    proved = judge_entry(text(answer), Trust([make_signer(LOG_ID).verifier]))
    assert proved.opening.what.data_version == 4
    assert isinstance(proved.opening.whom, bytes)
    person, _ = person_of(desk, member)
    assert str(person) not in text(answer)
    assert cold.get(f"{PAGE}/{LOG_ID}-{MINE}/signaler").status_code == 200


def test_one_beneficiary_never_sees_a_cold_entry_of_another(desk, cold, stranger, browser):
    assert f"{LOG_ID}-{THEIRS}/preuve" not in text(cold.get(PAGE))
    assert cold.get(f"{PAGE}/{LOG_ID}-{THEIRS}/preuve").status_code == 404
    people.sign_in(browser, desk.database, stranger)
    assert f"{LOG_ID}-{THEIRS}/preuve" in text(browser.get(PAGE))
    assert f"{LOG_ID}-{MINE}/preuve" not in text(browser.get(PAGE))
    assert browser.get(f"{PAGE}/{LOG_ID}-{MINE}/preuve").status_code == 404


def read_everybody(monkeypatch, others: int) -> None:
    """Have the page read the files of somebody else beside its visitor's."""
    read = member_history.read_cold_history

    def read_both(tx, files, person_ref) -> ColdHistory:
        ours, theirs = read(tx, files, person_ref), read(tx, files, others)
        return ColdHistory(
            entries=ours.entries + theirs.entries, segments=ours.segments, read=ours.read
        )

    monkeypatch.setattr(member_history, "read_cold_history", read_both)


def test_the_database_leaves_out_rows_of_files_that_are_another_s(
    desk, cold, stranger, monkeypatch
):
    read_everybody(monkeypatch, person_of(desk, stranger)[0])
    assert len(of_pharmacy(cold.get(PAGE))) == 2
    assert cold.get(f"{PAGE}/{LOG_ID}-{THEIRS}/preuve").status_code == 404


def test_mutation_a_database_that_believes_the_page_shows_another_s_rows(
    desk, cold, stranger, monkeypatch
):
    read_everybody(monkeypatch, person_of(desk, stranger)[0])
    with desk.database.transaction("owner") as tx:
        [(source,)] = tx.execute(
            "SELECT pg_get_functiondef('ledger.tell_history'::regproc)"
        ).fetchall()
        check = "filed.person_ref = ANY (persons)"
        assert check in source
        tx.execute(source.replace(check, "true"))
    try:
        assert len(of_pharmacy(cold.get(PAGE))) == 3
    finally:
        with desk.database.transaction("owner") as tx:
            tx.execute(source)


def test_rows_of_a_segment_that_is_in_the_database_are_not_counted_twice(
    desk, consulted, archive, monkeypatch
):
    seal(desk, archive)
    mine = of_pharmacy(consulted.get(PAGE))
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE ledger.segment SET state = 'sealed' WHERE log_id = %s", (LOG_ID,))
    found = member_history.read_cold_history
    monkeypatch.setattr(member_history, "list_cold", lambda _tx: ())
    monkeypatch.setattr(member_history, "read_cold_history", lambda *_: kept)
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE ledger.segment SET state = 'cold' WHERE log_id = %s", (LOG_ID,))
        person_ref = tx.execute("SELECT person_ref FROM accounts.member LIMIT 1").fetchone()[0]
        kept = found(tx, desk.sealed_files, person_ref)
        tx.execute("UPDATE ledger.segment SET state = 'sealed' WHERE log_id = %s", (LOG_ID,))
    kept = ColdHistory(entries=kept.entries)
    assert len(of_pharmacy(consulted.get(PAGE))) == len(mine) - 1


def test_a_hold_hides_a_cold_line_too(desk, cold, pharmacy):
    hold(desk, pharmacy)
    assert of_pharmacy(cold.get(PAGE)) == []
    assert cold.get(f"{PAGE}/{LOG_ID}-{MINE}/preuve").status_code == 404


def test_what_cannot_be_read_is_said_and_the_rest_shown(desk, cold, archive):
    for name, _ in archive.store.list_files(LOG_ID):
        archive.store.delete(name)
    page = cold.get(PAGE)
    assert len(of_pharmacy(page)) == 1
    assert "une partie du registre est archivée" in text(page)
    assert cold.get(f"{PAGE}/{LOG_ID}-{MINE}/preuve").status_code == 404


def test_a_file_that_is_no_parquet_is_said_not_shown(desk, cold, archive):
    for name, _ in archive.store.list_files(LOG_ID):
        Path(archive.store.locate(name)).write_bytes(b"PAR1 not really")
    page = cold.get(PAGE)
    assert len(of_pharmacy(page)) == 1
    assert "une partie du registre est archivée" in text(page)


def test_what_was_dropped_is_said_to_be_erased(desk, cold, archive):
    assert len(list(drop_segments(archive, before_ms=1 << 60, ground="three years"))) == 1
    page = cold.get(PAGE)
    assert len(of_pharmacy(page)) == 1
    assert "effacées à la fin de leur durée de conservation" in text(page)


def test_a_file_that_says_something_else_proves_nothing(desk, cold, archive):
    """The page shows what the file says; the proof is made from the leaf, and refused here."""

    def change(table: pa.Table) -> pa.Table:
        place = table.column("idx").to_pylist().index(MINE)
        versions = table.column("data_version").to_pylist()
        versions[place] = 5
        return table.set_column(
            table.schema.get_field_index("data_version"),
            table.schema.field("data_version"),
            pa.array(versions, pa.int64()),
        )

    [name] = [
        name for name, _ in archive.store.list_files(LOG_ID) if name.endswith("by-account.parquet")
    ]
    falsify_file(archive.store, name, change)
    cold.raise_request_exception = False
    answer = cold.get(f"{PAGE}/{LOG_ID}-{MINE}/preuve")
    assert answer.status_code == 500
    assert "tlog" not in text(answer)


def test_a_segment_that_leaves_while_it_is_read_is_looked_at_again(desk, cold, monkeypatch):
    list_cold, asked = member_history.list_cold, []

    def list_late(tx):
        asked.append(tx)
        return () if len(asked) == 1 else list_cold(tx)

    monkeypatch.setattr(member_history, "list_cold", list_late)
    assert len(of_pharmacy(cold.get(PAGE))) == 2
    assert len(asked) == 2
    monkeypatch.setattr(member_history, "list_cold", lambda _tx: ())
    with pytest.raises(Conflict):
        cold.get(PAGE)
