"""What a run does is looked at once more where it acts, however late that is."""

from dataclasses import replace

import pytest
from tests.retention.practice import TODAY, Cellar
from tests.retention.test_holds import hold, release

from rempart.kernel.errors import Conflict
from rempart.retention.purges import PurgeRecord
from rempart.storage.purge_journal import PurgeJournal
from rempart.workflows.retention.plan_retention import plan_request
from rempart.workflows.retention.run_retention import Keeper, finish_purges, run_retention


class Killed(Exception):
    """The keeper was killed here."""


class DyingJournal(PurgeJournal):
    """One in which the first record is written, and nothing is done after it."""

    def append(self, record: PurgeRecord) -> None:
        super().append(record)
        raise Killed


def make_dying(cellar: Cellar) -> Keeper:
    journal = cellar.journal
    return replace(cellar.keeper, journal=DyingJournal(journal._store, journal._kms))


def approve(cellar: Cellar) -> int:
    run_id = cellar.plan()
    assert run_id is not None
    cellar.agree(run_id)
    return run_id


def test_what_is_held_between_a_purge_that_was_said_and_its_end_stays(cellar: Cellar):
    cellar.add(1, left_months=75)
    cellar.load()
    [person] = cellar.list_persons()
    run_id = approve(cellar)
    with pytest.raises(Killed):
        run_retention(make_dying(cellar), run_id)
    before = cellar.see(person)
    hold(cellar, 31, person, fields=["civil", "coverage"])
    ran = run_retention(cellar.keeper, run_id)
    assert cellar.see(person) == {"active": {"civil", "coverage"}, "archive": set()}
    assert (ran.deleted, ran.kept) == (len(before["active"]) - 2, 2)
    release(cellar, 31)
    cellar.purge()
    assert cellar.see(person) == {"active": set(), "archive": set()}


def test_who_comes_back_between_a_purge_that_was_said_and_its_end_stays(cellar: Cellar):
    cellar.add(1, left_months=75)
    cellar.add(2, left_months=75)
    cellar.load()
    back, gone = cellar.list_persons()
    run_id = approve(cellar)
    with pytest.raises(Killed):
        run_retention(make_dying(cellar), run_id)
    del cellar.rows[0]["period_end"]
    cellar.load()
    assert finish_purges(cellar.keeper) == 1
    assert {"civil", "nir", "numbers", "contact", "coverage"} <= cellar.see(back)["active"]
    assert cellar.see(gone) == {"active": set(), "archive": set()}
    assert run_retention(cellar.keeper, run_id).kept > 0


def test_amounts_whose_acts_were_held_for_a_while_wait_for_another_run(cellar: Cellar):
    cellar.add(1)
    cellar.load()
    [person] = cellar.list_persons()
    claim = cellar.bill(person, settled_months=49)
    run_id = approve(cellar)
    hold(cellar, 31, person, fields=["care"])
    looks = []

    def watch(done: int) -> None:
        looks.append(done)
        if len(looks) == 1:
            release(cellar, 31)
        assert len(looks) < 10, "the run never ends"

    run_retention(cellar.keeper, run_id, check=watch, piece=1)
    assert cellar.fetch("SELECT act FROM claims.line WHERE claim_ref = %s", claim) == [("G",)]
    cellar.purge()
    assert cellar.fetch("SELECT 1 FROM claims.line") == []
    assert cellar.fetch("SELECT subject, field FROM archive.item") == [(claim, "payment")]


def test_what_somebody_asked_to_erase_waits_for_a_file_that_speaks_of_them(cellar: Cellar):
    cellar.add(1, left_months=3)
    cellar.load()
    [person] = cellar.list_persons()
    with cellar.begin() as tx:
        run_id = plan_request(tx, 5, person, TODAY)
    assert run_id is not None
    cellar.agree(run_id)
    cellar.run(
        "INSERT INTO identity.pending_person VALUES (999, %s, '\\x00', %s, '{}')",
        *(person, bytes(16)),
    )
    with pytest.raises(Conflict, match="being loaded"):
        run_retention(cellar.keeper, run_id)
    assert "contact" in cellar.see(person)["active"]
    cellar.run("DELETE FROM identity.pending_person")
    assert run_retention(cellar.keeper, run_id).deleted == 1
    assert "contact" not in cellar.see(person)["active"]
