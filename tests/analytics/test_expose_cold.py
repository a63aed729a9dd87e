"""Exactly who, when half of the evidence has left the database: the same list."""

from random import Random

import pytest
from tests.acts_samples import MemoryActs
from tests.segment_samples import SEGMENT, seal
from tests.workflows.test_expose_defined import invent
from tests.workflows.test_expose_persons import (
    ANALYST,
    BYSTANDER,
    OTHER_SUSPECT,
    START,
    SUSPECT,
    Diary,
    declare,
    write,
)

from rempart.incidents.exposure import LISTED
from rempart.kernel.errors import Conflict, InconsistentRecord, Unavailable
from rempart.storage import suspect_lookups
from rempart.storage.analytics import SealedFiles
from rempart.storage.connect import Database
from rempart.storage.ledger_sources import Sources
from rempart.workflows.incidents.expose_persons import (
    ExposureAnswer,
    expose_persons,
    recount_exposure,
)

RECORDED = {"acts": MemoryActs(), "by": ANALYST}


@pytest.fixture
def files(store, duckdb_engine) -> SealedFiles:
    return SealedFiles(store=store, open_engine=duckdb_engine)


def prepare(database: Database, diary: Diary) -> None:
    """Write a diary as logs whose segments hold 256 entries."""
    with database.transaction("registrar") as tx:
        for account_ref in (SUSPECT, OTHER_SUSPECT, BYSTANDER):
            tx.execute(
                "INSERT INTO accounts.professional (account_ref, rpps, profession, display_name)"
                " VALUES (%s, %s, 'pharmacist', 'Officine')",
                (account_ref, f"9900000{account_ref}"),
            )
    write(database, diary, checkpoint_every=7)
    with database.transaction("owner") as tx:
        tx.execute("UPDATE ledger.log SET segment_bits = 8")


def ask(database: Database, files: SealedFiles | None) -> ExposureAnswer:
    with database.transaction("analyst") as tx:
        answer = expose_persons(tx, declare(tx, SUSPECT, OTHER_SUSPECT), files, **RECORDED)
        recount_exposure(tx, answer, files, **RECORDED)
    return answer


def compare(answer: ExposureAnswer) -> tuple[object, ...]:
    return answer.verdicts, answer.persons, answer.guesses


@pytest.mark.parametrize("seed", range(3))
def test_half_cold_gives_the_list_that_all_hot_gave(database, store, files, seed):
    prepare(database, invent(Random(seed)))
    before = ask(database, None)
    seal(database, store, (0,))
    seal(database, store, (0,), log_id=2, state="cold" if seed % 2 else "sealed")
    after = ask(database, files)
    assert compare(after) == compare(before)
    assert {one.tier for one in after.persons} == set(LISTED)
    assert after.reach.is_complete


@pytest.mark.parametrize("seed", range(2))
def test_the_files_alone_give_the_list_when_everything_is_cold(database, store, files, seed):
    prepare(database, invent(Random(seed)))
    before = ask(database, None)
    with database.transaction("owner") as tx:
        sizes = dict(tx.execute("SELECT log_id, size FROM ledger.head").fetchall())
    for log_id, size in sizes.items():
        seal(database, store, range(-(-size // SEGMENT)), log_id=log_id)
    assert compare(ask(database, files)) == compare(before)


def test_mutation_an_analysis_that_passes_over_the_files_is_caught(
    database, store, files, monkeypatch
):
    prepare(database, invent(Random(1)))
    seal(database, store, (0,))
    monkeypatch.setattr(suspect_lookups, "read_cold_batches", lambda *_, **__: ())
    with pytest.raises(InconsistentRecord, match="send neither"):
        ask(database, files)


def test_mutation_a_recount_without_the_files_disagrees(database, store, files, monkeypatch):
    prepare(database, invent(Random(1)))
    seal(database, store, (0,))
    with database.transaction("analyst") as tx:
        answer = expose_persons(tx, declare(tx, SUSPECT, OTHER_SUSPECT), files, **RECORDED)
        monkeypatch.setattr(suspect_lookups, "read_cold", lambda *_, **__: ())
        with pytest.raises(InconsistentRecord, match="send neither"):
            recount_exposure(tx, answer, files, **RECORDED)


def test_without_files_nothing_is_said_rather_than_half(database, store):
    prepare(database, invent(Random(1)))
    seal(database, store, (0,))
    with pytest.raises(Unavailable, match="REMPART_SEGMENTS"):
        ask(database, None)


def test_what_was_dropped_is_written_in_the_report(database, store, files):
    prepare(database, invent(Random(1)))
    seal(database, store, (0,), state="dropped")
    answer = ask(database, files)
    [missing] = answer.reach.missing
    assert missing.last_ms is not None
    assert missing.last_ms > START - 29 * 86_400_000
    with database.transaction("analyst") as tx:
        [report] = tx.execute("SELECT report FROM incidents.incident").fetchone()
    assert report["exposure"]["not_looked_at"] == [{"log_id": 1, "segment": 0, "why": "dropped"}]


def test_a_segment_that_leaves_during_the_analysis_is_noticed(database, store, files, monkeypatch):
    prepare(database, invent(Random(1)))
    check = Sources.check_unmoved

    def move_then_check(sources):
        seal(database, store, (0,))
        check(sources)

    monkeypatch.setattr(Sources, "check_unmoved", move_then_check)
    with pytest.raises(Conflict, match="ask again"):
        ask(database, files)
