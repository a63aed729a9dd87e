"""A backup is restored closed and brought forward: what was erased is not read back (I13)."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from tests.archive_samples import approve, list_segments
from tests.backup_samples import (
    Kept,
    ask,
    dropping_what_is_beside,
    find,
    list_readable,
    migrate_but_the_last,
    place_hold,
    refuse,
    set_up,
    write_ledger,
)
from tests.database_copies import copied_database
from tests.ledger_samples import open_writer, run

from rempart.cli.main import cli
from rempart.exchange.backup_sealing import Identities, draw_backup_key
from rempart.kernel.errors import Conflict, InconsistentRecord, RempartError, SetupError
from rempart.retention.backups import sign_manifest
from rempart.retention.purges import ROWS, make_rows_body
from rempart.storage import purges
from rempart.storage.backup_facts import open_snapshot
from rempart.storage.connect import Database, OpenTransaction, Transaction
from rempart.storage.restored_base import (
    compare_payments,
    drop_base,
    list_bases,
    make_closed_base,
)
from rempart.storage.roles import create_database, prepare_database
from rempart.storage.server import list_applied, list_migrations
from rempart.wiring.backups import list_appliers_in_place, prune
from rempart.wiring.home import Home
from rempart.wiring.purges import check_base
from rempart.wiring.settings import Settings
from rempart.workflows.backups.bring_forward import Applier, bring_forward
from rempart.workflows.backups.make_backup import load_backup
from rempart.workflows.backups.restore_backup import try_backup
from rempart.workflows.ledger.seal_segment import cool_segments, seal_segments
from rempart.workflows.retention.drop_segment import drop_segments
from rempart.workflows.retention.erase_openings import run_erasures
from rempart.workflows.retention.purge_journal import say_and_journal

SIZE = 1024
ERASED = [5, 9, 300, 700]
BODY = {"log": 1, "indexes": ERASED, "ground": "objection: D-1", "signers": [71, 72]}


@pytest.fixture(scope="module")
def written(template: Database) -> Iterator[Database]:
    with copied_database(template, "written_for_backups") as database:
        write_ledger(database, SIZE)
        yield database


@pytest.fixture
def kept(written: Database, home: Home, reachable_path: Path) -> Iterator[Kept]:
    with copied_database(written, "backups") as database, dropping_what_is_beside(database):
        settings = Settings(home=home.path, database_url=database.url())
        yield set_up(settings, home, database, reachable_path / "kept")


def test_what_was_erased_after_a_backup_is_not_read_back_from_it(kept: Kept):
    for segment in (0, 1):
        list(seal_segments(kept.archive, log_id=1, segment=segment))
    list(cool_segments(kept.archive, before_ms=list_segments(kept.at.database)[0].last_ms + 1))
    manifest = kept.make()
    assert [part.holds.split("/")[0] for part in manifest.parts] == ["database", *["log-1"] * 4]
    approve(kept.at.database, ERASED)
    list(run_erasures(kept.archive))
    dropped = list_segments(kept.at.database)[0]
    list(drop_segments(kept.archive, before_ms=dropped.last_ms + 1, ground="three years"))
    restored = kept.restore()

    assert list_readable(kept, 0, *ERASED, 301) == [301]
    assert (restored.forward.applied, restored.forward.waiting) == (2, ())
    assert restored.files == 4  # the erasure had rewritten two, and the drop taken two away
    assert find(kept) == []
    # The store holds what the base names, and nothing of the time that was lost.
    assert {name for name, _ in kept.archive.store.list_files(1)} == {
        name
        for row in list_segments(kept.at.database)
        if row.state != "dropped"
        for name in (row.by_account_name, row.by_person_name)
    }
    check_base(kept.at.settings, kept.at.home, kept.at.database, kept.said.append)
    [(backup, known, last)] = ask(
        kept, "SELECT backup, purges_from, purges_to FROM retention.restoration"
    )
    assert (backup, known, last) == (manifest.backup_id, 0, 2)
    # And from the same backup once more.
    kept.restore(manifest.backup_id)
    assert list_readable(kept, 0, *ERASED, 301) == [301]


def mark_only(begin: OpenTransaction, record: purges.PurgeRecord) -> int:
    with begin() as tx:
        purges.mark_applied(tx, record.number)
    return 0


def test_mutation_a_restoration_that_forgets_the_purges_brings_everything_back(kept: Kept):
    kept.make()
    approve(kept.at.database, ERASED)
    list(run_erasures(kept.archive))
    assert list_readable(kept, *ERASED) == []
    forgetful: dict[str, Applier] = {"openings": mark_only}
    kept.restore(means=replace(kept.open_restore(), appliers=lambda _base, _staged: forgetful))
    assert list_readable(kept, *ERASED) == ERASED


def test_a_hold_that_came_back_does_not_keep_what_had_gone_and_keeps_what_had_not(kept: Kept):
    hold = place_hold(kept.at.database)
    kept.make()
    ask(kept, "UPDATE retention.hold SET released_at = now(), released_by = 'x',"
        " release_reason = 'x' WHERE hold_ref = %s RETURNING 1", hold)  # fmt: skip
    approve(kept.at.database, [5, 9])
    list(run_erasures(kept.archive))
    # Said and written outside, and a hold placed since keeps it: it was never carried out.
    say_and_journal(
        lambda: kept.at.database.transaction("archivist"),
        kept.means.journal,
        "openings",
        {**BODY, "indexes": [300]},
    )
    restored = kept.restore()
    assert list_readable(kept, 5, 9, 300) == [300]
    assert restored.forward.waiting == (2,)
    with kept.at.database.transaction("owner") as tx:
        assert [one.number for one in purges.list_waiting(tx)] == [2]
    check_base(kept.at.settings, kept.at.home, kept.at.database, kept.said.append)


def test_a_restored_base_goes_on_with_nothing_by_itself(kept: Kept):
    ask(kept, "INSERT INTO jobs.procrastinate_jobs (queue_name, task_name)"
        " VALUES ('routine', 'send_warnings') RETURNING 1")  # fmt: skip
    kept.make()
    restored = kept.restore()
    assert restored.jobs == 1
    assert ask(kept, "SELECT status::text FROM jobs.procrastinate_jobs") == [("cancelled",)]
    # Nobody is paid twice: transfers ordered since are unknown here.
    plan = "INSERT INTO claims.run (day) VALUES (current_date) RETURNING 1"
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="rempart restore"):
        ask(kept, plan)
    with kept.at.database.transaction("owner") as tx:
        assert compare_payments(tx, "statements up to yesterday")
    assert ask(kept, plan) == [(1,)]
    # No log is signed again under numbers that others hold receipts for.
    with pytest.raises(SetupError, match=f"goes on as log {restored.logs[1]}"):
        run(lambda: open_writer(kept.at.database))


def test_a_base_restored_by_hand_does_not_start_before_it_is_brought_forward(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
):
    manifest = kept.make()
    approve(kept.at.database, ERASED)
    list(run_erasures(kept.archive))
    # As a plain pg_restore would: opened without a look at the journal.
    means = replace(
        kept.open_restore(),
        journal=type(kept.means.journal)(
            type(kept.means.store)(str(kept.folder / "nothing")), kept.means.journal._kms
        ),
    )
    kept.restore(manifest.backup_id, means=means)
    assert list_readable(kept, *ERASED) == ERASED
    with pytest.raises(Conflict, match="rempart restore purges"):
        check_base(kept.at.settings, kept.at.home, kept.at.database, kept.said.append)
    for name, value in {
        "REMPART_HOME": str(kept.at.home.path),
        "DATABASE_URL": kept.at.settings.database_url or "",
        "REMPART_BACKUPS": str(kept.at.settings.backups),
        "REMPART_SEGMENTS": str(kept.at.settings.segments),
    }.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(cli, ["restore", "purges"])
    assert f"1 purges were carried out again: {len(ERASED)} erased" in done.output
    # It is certified, and what may have been paid since its backup waits as after any restoration.
    assert "from by-hand: purges 1 to 1" in CliRunner().invoke(cli, ["restore", "status"]).output
    assert "again openings 1 4" in CliRunner().invoke(cli, ["restore", "certificate"]).output
    assert list_readable(kept, *ERASED) == []
    check_base(kept.at.settings, kept.at.home, kept.at.database, kept.said.append)
    again = bring_forward(kept.at.database, kept.means.journal, list_appliers_in_place(kept.at))
    assert again.applied == 0


def test_a_backup_is_tried_beside_everything_and_thrown_away(kept: Kept):
    list(seal_segments(kept.archive, log_id=1, segment=0))
    kept.make()
    approve(kept.at.database, ERASED)
    list(run_erasures(kept.archive))
    before = (kept.list_segments(), kept.archive.store.list_files(1))
    means = kept.open_restore()
    manifest = load_backup(means.store, means.verifier, "latest")
    tried = try_backup(means, kept.at.database, manifest)
    assert tried.forward.applied == 1
    assert (kept.list_segments(), kept.archive.store.list_files(1)) == before
    assert [base.name for base in list_bases(kept.at.database)] == [kept.at.database.name]
    assert find(kept) == []


def change(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


def test_bad_backups_are_refused_before_anything_is_made(kept: Kept):
    list(seal_segments(kept.archive, log_id=1, segment=0))
    manifest = kept.make()
    base = kept.backups / manifest.database.name
    note = kept.backups / "bases" / f"{manifest.backup_id}.manifest"
    assert b"PGDMP" not in base.read_bytes()
    whole, signed = base.read_bytes(), note.read_text()

    stranger = Identities.parse(draw_backup_key().secret)
    refuse(kept, SetupError, "opens nothing of this", means=kept.open_restore(stranger))
    base.write_bytes(whole[:-1000])
    refuse(kept, InconsistentRecord, "is not the file that was written")
    base.write_bytes(whole)
    change(base, len(whole) // 2)
    refuse(kept, InconsistentRecord, "is not the file that was written")
    base.unlink()
    refuse(kept, RempartError, "the store of backups refuses")
    base.write_bytes(whole)
    note.write_text(signed.replace('"purge": 0', '"purge": 9'))
    refuse(kept, InconsistentRecord, "not signed by this installation")
    segment = kept.backups / manifest.segments[0].name
    note.write_text(signed)
    change(segment, 300)
    refuse(kept, InconsistentRecord, "is not the file that was written")
    change(segment, 300)

    def sign(**changes: Any) -> None:
        note.write_text(sign_manifest(replace(manifest, **changes), kept.means.signer))

    sign(migrations=(*manifest.migrations, "9999_later"))
    refuse(kept, SetupError, "made by a later version .*9999_later")
    sign(home_id="ffffffff")
    refuse(kept, SetupError, "is of installation ffffffff")
    # What only shows once it is back: closed, and thrown away by the next run.
    sign(logs=manifest.logs[:-1])
    refuse(kept, InconsistentRecord, "not what the manifest says")
    note.write_text(signed)
    with kept.at.database.connect("gateway"):
        refuse(kept, Conflict, "1 sessions are connected")


def test_a_journal_that_lost_its_end_or_is_anothers_restores_nothing(kept: Kept, tmp_path: Path):
    first = kept.make()
    for request_ref, index in ((5, 5), (6, 9)):
        approve(kept.at.database, [index], request_ref=request_ref)
        list(run_erasures(kept.archive))
    kept.make()
    journal = kept.backups / "purges"
    records = {file: file.read_bytes() for file in journal.glob("*.purge")}
    max(records).unlink()
    refuse(kept, InconsistentRecord, "ends at 1, and this base knows 2")
    max(records).write_bytes(records[max(records)])
    min(records).unlink()
    refuse(
        kept,
        InconsistentRecord,
        "begins at 2 and this base knows 0",
        backup_id=first.backup_id,
    )


def test_an_older_schema_comes_forward_and_only_then_to_its_purges(kept: Kept, database: Database):
    older = database.renamed(f"{database.name}_older")
    with database.renamed("postgres").connect("admin", autocommit=True) as admin:
        create_database(admin, older.name)
    with older.connect("admin", autocommit=True) as admin:
        prepare_database(admin)
    try:
        last = migrate_but_the_last(older)
        settings = replace(kept.at.settings, database_url=older.url())
        aged = replace(kept, at=replace(kept.at, settings=settings, database=older))
        manifest = aged.make()
        assert last not in manifest.migrations
        with older.transaction("archivist") as tx:
            record = purges.say_purge(tx, "openings", BODY)
        say_and_journal(
            lambda: older.transaction("archivist"), aged.means.journal, "openings", BODY
        )
        aged.means.journal.mark_done(record.number)
        restored = aged.restore()
        assert restored.forward.applied == 1
        with older.transaction("owner") as tx:
            assert sorted(list_applied(tx)) == list_migrations()
    finally:
        for base in list_bases(older):
            drop_base(database, base.name)


def test_old_backups_go_with_what_only_they_needed(kept: Kept):
    list(seal_segments(kept.archive, log_id=1, segment=0))
    first = kept.make().backup_id
    approve(kept.at.database, [5])
    list(run_erasures(kept.archive))
    kept.make()
    (kept.backups / "bases" / "20200101T000000Z-ffffff.database.age").write_bytes(
        b"left by a crash"
    )
    (kept.backups / "bases" / "x.age.partial").write_bytes(b"the same")
    files = set((kept.backups / "segments").iterdir())
    assert len(files) == 4  # before and after the erasure
    assert prune(kept.at, kept.said.append).files == 2
    known = "SELECT backup, removed_at IS NULL FROM retention.backup ORDER BY made_at"
    assert [kept_now for _name, kept_now in ask(kept, known)] == [True, True]
    assert ask(kept, "SELECT count(*) FROM retention.backup WHERE verified_at IS NULL") == [(0,)]
    (kept.backups / "bases" / f"{first}.manifest").unlink()
    swept = prune(kept.at, kept.said.append)
    assert [(first, False)] == ask(kept, known)[:1]  # the page says that it is gone
    assert swept.files == 3  # the base it named, and two files of segments
    assert set((kept.backups / "segments").iterdir()) < files
    # The last record stays, so that the journal is never empty; the base forgets what it named.
    assert (swept.needed, kept.means.journal.list_numbers()) == (1, [1])
    assert ask(kept, "SELECT number, body FROM retention.purge") == [(1, None)]
    kept.restore()
    assert list_readable(kept, 5) == []


def test_a_purge_that_waited_when_the_backup_was_made_is_remembered_until_it_is_done(kept: Kept):
    def begin() -> contextlib.AbstractContextManager[Transaction]:
        return kept.at.database.transaction("archivist")

    approve(kept.at.database, [5])
    body = {"log": 1, "indexes": [5], "ground": "objection: D-2026-1", "signers": [71, 72]}
    waiting = say_and_journal(begin, kept.means.journal, "openings", body)
    later = say_and_journal(begin, kept.means.journal, "openings", {**body, "indexes": [9]})
    kept.make()
    assert prune(kept.at, kept.said.append).needed == 0
    assert kept.means.journal.list_numbers() == [waiting.number, later.number]
    list(run_erasures(kept.archive))  # the same words: the purge that waits is taken up
    assert kept.means.journal.is_done(waiting.number)
    assert list_readable(kept, 5, 9) == [9]
    kept.restore()
    assert list_readable(kept, 5) == []


def test_one_backup_at_a_time_and_none_for_nobody(kept: Kept, home: Home):
    with (
        contextlib.closing(open_snapshot(kept.at.database)),
        pytest.raises(Conflict, match="another backup"),
    ):
        kept.make()
    (home.path / "backup-recipients.txt").write_text("# nobody\n")
    with pytest.raises(SetupError, match="rempart backup key"):
        kept.make()


def test_nobody_enters_a_base_that_is_being_restored(kept: Kept):
    closed = make_closed_base(kept.at.database)
    for login in ("gateway", "portals", "worker", "analyst", "settler", "keeper"):
        with pytest.raises(RempartError), closed.transaction(login):  # type: ignore[arg-type]
            pass
    with closed.transaction("owner") as tx:
        assert list_applied(tx) == []


def test_rows_of_a_purge_go_by_their_keys_and_once(kept: Kept):
    for insurer_id, amc_number in ((1, "9900000017"), (2, "9900000025")):
        ask(kept, "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)"
            " VALUES (%s, %s, 'x', '-infinity') RETURNING 1", insurer_id, amc_number)  # fmt: skip
        ask(kept, "INSERT INTO notices.contact_file (file_ref, insurer_id, uploaded_by, sealed)"
            " VALUES (%s, %s, 0, '') RETURNING 1", insurer_id, insurer_id)  # fmt: skip
        ask(kept, "INSERT INTO notices.contact_key (insurer_id, wrapped_key)"
            " VALUES (%s, '') RETURNING 1", insurer_id)  # fmt: skip
        ask(kept, "INSERT INTO notices.contact (insurer_id, person_ref, file_ref, sealed)"
            " VALUES (%s, 5, %s, '') RETURNING 1", insurer_id, insurer_id)  # fmt: skip
    begin = lambda: kept.at.database.transaction("owner")  # noqa: E731 - as workflows take it
    record = say_and_journal(
        begin, kept.means.journal, ROWS, make_rows_body("notices.contact", [[1]])
    )
    apply = list_appliers_in_place(kept.at)[ROWS]
    assert [apply(begin, record), apply(begin, record)] == [1, 0]
    assert ask(kept, "SELECT insurer_id FROM notices.contact") == [(2,)]
