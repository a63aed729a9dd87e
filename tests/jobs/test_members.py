"""A member's copy is made by the worker, once; what is old goes."""

from datetime import UTC, datetime

from tests.jobs.practice import ask_database, drain, make_installation, read_state, work_with

from rempart.jobs.members import copy_own_data
from rempart.workflows.jobs.enqueue import enqueue


def test_a_copy_that_was_asked_for_is_made_once(settings, home, database):
    installation = make_installation(settings, home, database)
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)"
            " VALUES (1, '9000000001', 'A', '2020-01-01')"
        )
        tx.execute(
            "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
            " VALUES (5, 'member', 'Essai', %s)",
            [bytes(32)],
        )
        tx.execute(
            "INSERT INTO rights.own_copy (copy_ref, insurer_id, person_ref, asked_by)"
            " VALUES (7, 1, 41, 5)"
        )
    for _ in range(2):
        with database.transaction("portals") as tx:
            job_id = enqueue(tx, "copy_own_data", copy_ref=7)
        drain(installation, work=work_with(copy_own_data=copy_own_data))
        assert read_state(database, job_id) == "succeeded", ask_database(
            database, "SELECT code, reason FROM jobs.attempt"
        )
    [(made_at,)] = ask_database(database, "SELECT made_at FROM rights.own_copy")
    assert made_at <= datetime.now(UTC)
    acts = ask_database(database, "SELECT count(*) FROM ledger.entry WHERE person_ref = 41")
    assert acts == [(1,)]
