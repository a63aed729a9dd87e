"""A person erased at the end of their time is not read back from a backup made before (I13)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.backup_samples import Kept, dropping_what_is_beside, set_up
from tests.retention.practice import TODAY, Cellar

from rempart.cli.main import cli
from rempart.retention.certificate import read_signed_certificate
from rempart.retention.restoration import read_signed_restoration
from rempart.retention.terms import add_months
from rempart.storage import purges
from rempart.storage.connect import Database, OpenTransaction
from rempart.wiring.home import Home
from rempart.wiring.retention import load_certificate_signer
from rempart.wiring.settings import Settings
from rempart.workflows.backups.certify_restoration import (
    find_differences,
    is_restored_as_certified,
    load_restoration,
)

NOTHING: dict[str, set[str]] = {"active": set(), "archive": set()}


@pytest.fixture
def kept(database: Database, home: Home, reachable_path: Path) -> Iterator[Kept]:
    settings = Settings(home=home.path, database_url=database.url())
    with dropping_what_is_beside(database):
        yield set_up(settings, home, database, reachable_path / "kept")


@pytest.fixture
def cellar(kept: Kept, tmp_path: Path) -> Cellar:
    """Members, people who left lately, and others whose time is over; all in the backup."""
    cellar = Cellar(
        database=kept.at.database,
        home=kept.at.home,
        directory=tmp_path,
        journal=kept.means.journal,
    )
    for serial, months in enumerate((None, 13, 25, 75), start=1):
        cellar.add(serial, left_months=months)
    cellar.load()
    return cellar


def test_a_person_whose_time_was_over_is_not_read_back(kept: Kept, cellar: Cellar):
    persons = cellar.list_persons()
    kept.make()
    assert all(cellar.see(person)["active"] for person in persons)
    cellar.purge()
    before = {person: cellar.see(person) for person in persons}
    assert before[persons[3]] == {"active": set(), "archive": set()}
    restored = kept.restore()
    assert {person: cellar.see(person) for person in persons} == before
    assert restored.forward.applied >= 1
    # What its dates asked for again is certified as any run is.
    [(certificate,)] = cellar.fetch(
        "SELECT certificate FROM retention.run WHERE origin = 'restore'"
    )
    assert read_signed_certificate(
        certificate, load_certificate_signer(kept.at.home).verifier
    ).counts
    # As if nothing had happened: nothing is due, and the gateway sees no former member.
    assert cellar.plan() is None
    assert cellar.fetch("SELECT count(*) FROM rights.lookup WHERE person_ref = ANY (%s)",
                        persons[1:]) == [(0,)]  # fmt: skip


def mark_only(begin: OpenTransaction, record: purges.PurgeRecord) -> int:
    with begin() as tx:
        purges.mark_applied(tx, record.number)
    return 0


def test_mutation_without_the_journal_the_person_is_back(kept: Kept, cellar: Cellar):
    erased = cellar.list_persons()[3]
    kept.make()
    cellar.purge()
    forgetful = replace(
        kept.open_restore(),
        appliers=lambda _base, _staged: {"fields": mark_only},
        catch_up=lambda _base: {},
    )
    kept.restore(means=forgetful)
    assert cellar.see(erased)["active"]


def leave_to_the_journal(_base: Database) -> dict[str, int]:
    return {}


def test_the_journal_alone_erases_again_whatever_the_dates_say(kept: Kept, cellar: Cellar):
    """What left by request or early is due by no date: only its record knows that it went."""
    persons = cellar.list_persons()
    kept.make()
    # A year ahead everything of the second person is due too; on the real day nothing is.
    cellar.purge(day=add_months(TODAY, 60))
    gone = [person for person in persons if cellar.see(person) == NOTHING]
    assert len(gone) == 3
    kept.restore(means=replace(kept.open_restore(), catch_up=leave_to_the_journal))
    assert [person for person in persons if cellar.see(person) == NOTHING] == gone
    for table in ("identity.person", "rights.past_coverage", "rights.lookup", "archive.item"):
        column = "subject" if table == "archive.item" else "person_ref"
        found = cellar.fetch(f"SELECT count(*) FROM {table} WHERE {column} = ANY (%s)", gone)
        assert found == [(0,)], table
    # The evidence came back with it, of the day they left and not of today's; the run's certificate
    # did not, and no later run takes the number of the one that was lost.
    [(run_id,)] = cellar.fetch("SELECT DISTINCT run_id FROM retention.gone WHERE step = 'delete'")
    assert cellar.fetch("SELECT 1 FROM retention.run WHERE run_id = %s", run_id) == []
    assert cellar.fetch("SELECT last_value >= %s FROM retention.run_run_id_seq", run_id) == [
        (True,)
    ]
    # What was erased again is certified instead: on which base, by which purges, to the last line.
    signer = load_certificate_signer(kept.at.home)
    with cellar.begin() as tx:
        done = load_restoration(tx, None)
        assert done is not None
        assert done.signed_by == signer.verifier.vkey
        assert find_differences(tx, done.certificate, signer.verifier, home=kept.at.home.id) == []
        assert is_restored_as_certified(tx, run_id, signer.verifier)
    said = read_signed_restoration(done.certificate, signer.verifier)
    assert (said.backup, said.known) == (done.backup, done.purges_from)
    assert [one.run for one in said.runs] == [run_id]
    assert said.again["fields"][0] >= 1
    for person in gone:
        assert str(person) not in done.certificate


MOVED = {
    "a day": "UPDATE retention.gone SET day = day - 400",
    "a departure less": "DELETE FROM retention.gone WHERE field = 'coverage'",
}


@pytest.mark.parametrize("tamper", MOVED.values(), ids=MOVED)
def test_mutation_evidence_changed_after_a_restoration_is_not_as_certified(
    kept: Kept, cellar: Cellar, tamper: str, monkeypatch: pytest.MonkeyPatch
):
    kept.make()
    cellar.purge()
    kept.restore()
    monkeypatch.setenv("REMPART_HOME", str(kept.at.home.path))
    monkeypatch.setenv("DATABASE_URL", kept.at.settings.database_url or "")
    shown = CliRunner().invoke(cli, ["restore", "certificate"])
    assert shown.exit_code == 0, shown.output
    vkey = load_certificate_signer(kept.at.home).verifier.vkey
    note = shown.stdout
    proven = CliRunner().invoke(cli, ["retention", "verify", "-", "--key", vkey], input=note)
    assert proven.exit_code == 0, proven.output
    assert "erased again" in proven.stdout
    changed = note.replace("again fields", "again openings")
    assert (
        CliRunner()
        .invoke(cli, ["retention", "verify", "-", "--key", vkey], input=changed)
        .exit_code
    )
    cellar.run(tamper)
    shown = CliRunner().invoke(cli, ["restore", "certificate", "1"])
    assert shown.exit_code == 1
    assert "not as certified: what left in run" in shown.stderr
    signer = load_certificate_signer(kept.at.home)
    [run] = read_signed_restoration(note, signer.verifier).runs
    with cellar.begin() as tx:
        assert not is_restored_as_certified(tx, run.run, signer.verifier)
