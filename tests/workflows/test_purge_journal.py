"""A purge is said outside the database before anything is erased; nothing else erases."""

import contextlib
from pathlib import Path

import psycopg
import pytest
from tests.archive_samples import make_purge_journal

from rempart.kernel.errors import Conflict, InconsistentRecord, Unavailable
from rempart.retention.purges import FIRST_DIGEST
from rempart.storage import purges
from rempart.storage.backup_store import BackupStore
from rempart.storage.connect import Database, Transaction
from rempart.storage.purge_journal import PurgeJournal, check_not_behind
from rempart.storage.sealing import FileKms
from rempart.workflows.retention.purge_journal import (
    carry_out,
    say_and_journal,
    settle_journal,
    write_journal,
)

BODY = {"log": 1, "indexes": [1, 2]}


@pytest.fixture
def journal(tmp_path: Path) -> PurgeJournal:
    return make_purge_journal(tmp_path / "segments")


class Begins:
    """Begins transactions as the archivist; counts them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def __call__(self) -> contextlib.AbstractContextManager[Transaction]:
        return self.database.transaction("archivist")


@pytest.fixture
def begin(database: Database) -> Begins:
    return Begins(database)


def test_a_purge_is_said_written_outside_and_carried_out_in_that_order(
    begin: Begins, journal: PurgeJournal
):
    first = say_and_journal(begin, journal, "openings", BODY)
    second = say_and_journal(begin, journal, "segment", {"log": 1, "segment": 4})
    assert [first.number, second.number] == [1, 2]
    assert second.previous == first.digest
    assert list(journal.read_since(0)) == [first, second]
    assert not journal.is_done(1)
    seen = []
    assert carry_out(begin, journal, first, lambda _tx, body: seen.append(body) or 3) == 3
    assert seen == [BODY]
    assert journal.is_done(1)
    with begin() as tx:
        assert [one.number for one in purges.list_waiting(tx)] == [2]
        assert purges.load_standing(tx).digest == second.digest


def test_said_again_after_a_crash_it_is_taken_up(begin: Begins, journal: PurgeJournal):
    with begin() as tx:
        purges.say_purge(tx, "openings", BODY)
    assert say_and_journal(begin, journal, "openings", BODY).number == 1
    assert journal.list_numbers() == [1]


def test_mutation_nothing_is_carried_out_that_is_not_outside(begin: Begins):
    with begin() as tx:
        record = purges.say_purge(tx, "openings", BODY)
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="a backup would bring back"),
        begin() as tx,
    ):
        purges.mark_applied(tx, record.number)
    with begin() as tx:
        purges.say_purge(tx, "openings", BODY)
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="before this one"),
        begin() as tx,
    ):
        purges.mark_journaled(tx, 2)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM retention.purge",
        "UPDATE retention.purge SET applied_at = now()",
        "UPDATE retention.purge SET journaled_at = now()",
        "INSERT INTO retention.purge VALUES (9, 'x', '{}', 1, '', '')",
        "SELECT retention.take_up_purge(9, 'x', '{}', 1, '')",
        "SELECT retention.forget_purges(9)",
        "INSERT INTO retention.restoration VALUES (now(), 'x', now(), 0, 0, '{}')",
    ],
)
@pytest.mark.parametrize("login", ["archivist", "gateway", "portals", "worker", "analyst"])
def test_nobody_writes_the_records_by_hand(begin: Begins, login: str, statement: str):
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        begin.database.transaction(login) as tx,
    ):
        tx.execute(statement)


def test_a_store_that_lost_its_records_is_no_empty_journal(
    begin: Begins, journal: PurgeJournal, tmp_path: Path
):
    say_and_journal(begin, journal, "openings", BODY)
    unmounted = make_purge_journal(tmp_path / "elsewhere")
    with pytest.raises(Conflict, match="lacks purge 1"):
        say_and_journal(begin, unmounted, "segment", BODY)
    with begin() as tx:
        assert unmounted.rewrite(purges.list_since(tx, 0)) == 2
    write_journal(begin, unmounted)
    with begin() as tx:
        assert purges.load_standing(tx).journaled == 2


def test_a_store_that_cannot_be_written_stops_the_purge(begin: Begins, tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    journal = PurgeJournal(BackupStore(str(blocked)), FileKms(bytes(32)))
    with pytest.raises(Unavailable, match="has room"):
        say_and_journal(begin, journal, "openings", BODY)
    with begin() as tx:
        standing = purges.load_standing(tx)
    assert (standing.last, standing.journaled, standing.first_waiting) == (1, 0, 1)


def test_a_base_behind_its_journal_is_refused(begin: Begins, journal: PurgeJournal):
    check_not_behind(journal, last=0, digest=FIRST_DIGEST)
    first = say_and_journal(begin, journal, "openings", BODY)
    check_not_behind(journal, last=1, digest=first.digest)
    check_not_behind(journal, last=2, digest=bytes(32))  # said, not outside yet: nothing was erased
    with pytest.raises(Conflict, match="rempart restore purges"):
        check_not_behind(journal, last=0, digest=FIRST_DIGEST)
    with pytest.raises(InconsistentRecord, match="not that of this base"):
        check_not_behind(journal, last=1, digest=bytes([1] * 32))


def alter(path: Path, name: str, place: int = 40) -> None:
    file = path / "purges" / name
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)


@pytest.fixture
def written(begin: Begins, journal: PurgeJournal, tmp_path: Path) -> Path:
    for segment in range(3):
        say_and_journal(begin, journal, "segment", {"log": 1, "segment": segment})
    journal.mark_done(1)
    return tmp_path / "segments-backups"


def test_the_journal_is_sealed_and_shows_nothing(written: Path):
    for file in (written / "purges").iterdir():
        assert b"segment" not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0


def test_mutation_a_record_that_was_changed_is_refused(written: Path, journal: PurgeJournal):
    alter(written, "000000000002.purge")
    with pytest.raises(InconsistentRecord, match="purge 2 of the journal"):
        list(journal.read_since(0))


def test_mutation_a_record_in_the_place_of_another_is_refused(written: Path, journal: PurgeJournal):
    folder = written / "purges"
    (folder / "000000000003.purge").write_bytes((folder / "000000000002.purge").read_bytes())
    with pytest.raises(InconsistentRecord, match="purge 3 of the journal"):
        list(journal.read_since(0))


def test_mutation_a_record_that_is_missing_is_noticed(written: Path, journal: PurgeJournal):
    (written / "purges" / "000000000002.purge").unlink()
    with pytest.raises(InconsistentRecord, match="purge 2 is missing"):
        list(journal.read_since(0))


def test_mutation_a_forged_word_that_it_is_done_is_refused(written: Path, journal: PurgeJournal):
    folder = written / "purges"
    (folder / "000000000002.done").write_bytes((folder / "000000000001.done").read_bytes())
    with pytest.raises(InconsistentRecord, match="purge 2 was carried out is not ours"):
        journal.is_done(2)


def test_another_home_does_not_read_the_journal(written: Path):
    stranger = PurgeJournal(BackupStore(str(written)), FileKms(bytes([1] * 32)))
    with pytest.raises(InconsistentRecord, match="this home is not the one"):
        stranger.load_last()


def test_records_that_no_backup_needs_are_forgotten_and_the_last_stays(
    written: Path, journal: PurgeJournal
):
    assert journal.forget(9) == 2
    assert journal.list_numbers() == [3]
    assert not list((written / "purges").glob("*.done"))
    assert [record.number for record in journal.read_since(2)] == [3]
    assert [record.number for record in journal.read_since(0)] == [3]


def test_what_is_done_is_said_outside_later_when_a_crash_kept_it(
    begin: Begins, journal: PurgeJournal
):
    record = say_and_journal(begin, journal, "openings", BODY)
    say_and_journal(begin, journal, "segment", BODY)
    with begin() as tx:
        purges.mark_applied(tx, record.number)
    assert settle_journal(begin, journal) == 1
    assert (journal.is_done(1), journal.is_done(2)) == (True, False)
    assert settle_journal(begin, journal) == 0


def test_references_are_forgotten_by_the_owner_only_once_carried_out(
    begin: Begins, journal: PurgeJournal
):
    done = say_and_journal(begin, journal, "openings", BODY)
    say_and_journal(begin, journal, "segment", BODY)
    carry_out(begin, journal, done, lambda _tx, _body: 0)
    with begin.database.transaction("owner") as tx:
        assert purges.forget_purges(tx, 2) == 1
        assert [one.number for one in purges.list_since(tx, 0)] == [2]
        assert purges.load_standing(tx).last == 2
