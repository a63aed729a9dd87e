"""Data leave by two doors of the database, each of which asks for what must be there first."""

import pytest
from psycopg import errors
from tests.retention.practice import TODAY, Cellar

from rempart.retention.fields import Field
from rempart.storage import leaving, purges, retention_runs
from rempart.storage.retention_runs import Leaving
from rempart.workflows.retention.purge_fields import KIND, apply_fields, make_fields_body
from rempart.workflows.retention.purge_journal import carry_out, say_and_journal


@pytest.fixture
def left(cellar: Cellar) -> int:
    cellar.add(1, left_months=75)
    cellar.load()
    [person] = cellar.list_persons()
    return person


def test_nothing_is_purged_that_was_not_said(cellar: Cellar, left: int):
    other = make_fields_body(1, TODAY, {Field.NIR: [Leaving(7, left + 1, left + 1)]})
    record = say_and_journal(cellar.begin, cellar.journal, KIND, other)
    for number, field in (
        (record.number, Field.NIR),
        (record.number, Field.CIVIL),
        (99, Field.NIR),
    ):
        with cellar.begin() as tx, pytest.raises(errors.InsufficientPrivilege):
            leaving.purge_fields(tx, number, field, [left])
    assert "nir" in cellar.see(left)["active"]


def test_nothing_is_purged_whose_record_is_not_outside_yet(cellar: Cellar, left: int):
    body = make_fields_body(1, TODAY, {Field.NIR: [Leaving(7, left, left)]})
    with cellar.begin() as tx:
        record = purges.say_purge(tx, KIND, body)
    with cellar.begin() as tx, pytest.raises(errors.InsufficientPrivilege, match="journal"):
        apply_fields(tx, cellar.keeper.vault, record)
    assert "nir" in cellar.see(left)["active"]
    # once it is there, it goes: the same purge
    say_and_journal(cellar.begin, cellar.journal, KIND, body)
    with cellar.begin() as tx:
        apply_fields(tx, cellar.keeper.vault, record)
    assert "nir" not in cellar.see(left)["active"]


def test_a_purge_can_be_carried_out_again_and_again(cellar: Cellar, left: int):
    body = make_fields_body(
        1, TODAY, {f: [Leaving(7, left, left)] for f in (Field.NIR, Field.CIVIL)}
    )
    record = say_and_journal(cellar.begin, cellar.journal, KIND, body)
    for _ in range(2):
        carry_out(
            cellar.begin,
            cellar.journal,
            record,
            lambda tx, _: apply_fields(tx, cellar.keeper.vault, record),
        )
        assert cellar.see(left)["active"] & {"nir", "civil"} == set()
        assert "numbers" in cellar.see(left)["active"]
    assert cellar.fetch("SELECT count(*) FROM retention.gone") == [(2,)]


def test_nothing_is_archived_without_an_approved_run_and_its_sealed_copy(cellar: Cellar, left: int):
    with cellar.begin() as tx, pytest.raises(errors.InsufficientPrivilege):
        leaving.archive_fields(tx, 1, Field.COVERAGE, [left])
    cellar.add(2, left_months=25)
    cellar.load()
    run_id = cellar.plan()
    assert run_id is not None
    cellar.agree(run_id)
    [(person,)] = cellar.fetch(
        "SELECT person_ref FROM retention.item WHERE step = 'archive' AND field = 'coverage'"
    )
    with cellar.begin() as tx:
        retention_runs.start_run(tx, run_id)
    with cellar.begin() as tx, pytest.raises(errors.InsufficientPrivilege, match="sealed copy"):
        leaving.archive_fields(tx, run_id, Field.COVERAGE, [person])


def test_the_keeper_deletes_nothing_by_itself(cellar: Cellar, left: int):
    for table in (
        *("identity.person", "identity.person_key", "rights.past_coverage", "rights.lookup"),
        *("claims.claim", "claims.line", "accounts.member", "archive.item", "retention.gone"),
        *("retention.purge", "ledger.entry"),
    ):
        with cellar.begin() as tx, pytest.raises(errors.InsufficientPrivilege):
            tx.execute(f"DELETE FROM {table}")
    with cellar.begin() as tx, pytest.raises(errors.InsufficientPrivilege):
        tx.execute("SELECT retention.take_out('nir', '{1}')")


def test_without_the_check_of_what_was_said_a_purge_takes_anybody(cellar: Cellar, left: int):
    """The mutation: the door that does not look at the record lets everything out."""
    cellar.run(
        "CREATE OR REPLACE FUNCTION retention.purge_fields(record bigint, of_field text,"
        " subjects bigint[]) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS"
        " $$ SELECT retention.take_out(of_field, subjects) $$"
    )
    with cellar.begin() as tx:
        leaving.purge_fields(tx, 99, Field.NIR, [left])
    assert cellar.fetch("SELECT lookup_keys FROM identity.person") == [([],)]
