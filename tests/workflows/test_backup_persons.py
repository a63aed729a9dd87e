"""A person erased at the end of their time is not read back from a backup made before (I13)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.backup_samples import Kept, dropping_what_is_beside, set_up
from tests.retention.practice import Cellar

from rempart.storage import purges
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.purge_journal import Begin


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
    # As if nothing had happened: nothing is due, and the gateway sees no former member.
    assert cellar.plan() is None
    assert cellar.fetch("SELECT count(*) FROM rights.lookup WHERE person_ref = ANY (%s)",
                        persons[1:]) == [(0,)]  # fmt: skip


def mark_only(begin: Begin, record: purges.PurgeRecord) -> int:
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
