"""A job exists if and only if the act that asked for it was committed."""

import pytest
from psycopg.pq import TransactionStatus
from tests.jobs.practice import ask_database, eventually, read_state, work_with, working

from rempart.kernel.errors import InvalidRequest, NotAllowed, NotFound
from rempart.storage import jobs
from rempart.workflows.jobs.enqueue import enqueue
from rempart.workflows.jobs.job_kinds import KINDS

COUNT = "SELECT count(*) FROM jobs.procrastinate_jobs"


def test_a_job_asked_for_in_an_act_that_is_rolled_back_never_was(database):
    connection = database.connect("portals")
    enqueue(connection, "expose_incident", incident_id=1)
    connection.rollback()
    connection.close()
    assert ask_database(database, COUNT) == [(0,)]


def test_a_job_is_there_once_the_act_is_committed(database):
    with database.transaction("portals") as tx:
        job_id = enqueue(tx, "expose_incident", incident_id=1)
    assert read_state(database, job_id) == "todo"


def test_the_same_asked_for_twice_before_it_began_is_one_job(database):
    with database.transaction("portals") as tx:
        first = enqueue(tx, "expose_incident", incident_id=1)
        again = enqueue(tx, "expose_incident", incident_id=1)
        other = enqueue(tx, "expose_incident", incident_id=2)
    assert first == again != other


def test_a_job_asked_for_again_waits_for_the_second_act(database, installation):
    """It would read what was there before that act, and be taken for the answer to it."""
    with database.transaction("portals") as tx:
        job_id = enqueue(tx, "expose_incident", incident_id=1)
    connection = database.connect("portals")
    assert enqueue(connection, "expose_incident", incident_id=1) == job_id
    done = []

    def expose(_at, _report, arguments):
        done.append(arguments["incident_id"])

    with working(installation, work=work_with(expose_incident=expose)):
        with database.transaction("analyst") as tx:
            later = enqueue(tx, "expose_incident", incident_id=2)
        while read_state(database, later) != "succeeded":
            pass
        assert done == [2]
        connection.commit()
        connection.close()
        while read_state(database, job_id) != "succeeded":
            pass
    assert done == [2, 1]


@pytest.mark.parametrize("login", ["gateway", "feeds", "auditor", "recorder", "signin"])
def test_a_login_that_asks_for_no_job_cannot(database, login):
    with pytest.raises(NotAllowed), database.transaction(login) as tx:
        enqueue(tx, "expose_incident", incident_id=1)


# What a page sets in motion: claims to share out, a run, lists for a published page, a plan, what
# an employer declared or an insurer decided.
ASKED_BY_PAGES = {
    *("adjudicate_claims", "make_self_checks", "plan_settlement", "plan_retention"),
    "settle_employers",
}


@pytest.mark.parametrize(
    "kind",
    sorted({name for name, kind in KINDS.items() if not kind.takes} - ASKED_BY_PAGES),
)
def test_the_pages_ask_for_no_routine(database, kind):
    with pytest.raises(NotAllowed), database.transaction("portals") as tx:
        enqueue(tx, kind)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"incident_id": "12"}, {"incident_id": -1}, {"incident_id": 1, "name": 2}, {"other": 1}],
)
def test_a_job_takes_references_and_nothing_else(database, arguments):
    with pytest.raises(InvalidRequest), database.transaction("portals") as tx:
        jobs.enqueue(tx, "expose_incident", arguments)


def test_an_unknown_job_is_named(database):
    with database.transaction("portals") as tx:
        with pytest.raises(NotFound, match="nothing"):
            enqueue(tx, "nothing")
        with pytest.raises(NotFound, match="nothing"):
            jobs.enqueue(tx, "nothing", {})


def test_the_database_knows_the_kinds_of_the_code(database):
    rows = ask_database(database, "SELECT name, queue, takes FROM jobs.kind")
    assert {(name, queue, tuple(takes)) for name, queue, takes in rows} == {
        (kind.name, kind.queue, kind.takes) for kind in KINDS.values()
    }


def test_the_pages_read_no_table_of_jobs(database):
    tables = ask_database(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'jobs'")
    readable = [
        name
        for (name,) in tables
        if ask_database(
            database,
            "SELECT has_any_column_privilege('rempart_portals', 'jobs.' || %s, 'SELECT')",
            name,
        )
        == [(True,)]
    ]
    assert len(tables) >= 7
    assert readable == []


def test_mutation_a_job_that_did_not_hold_its_row_begins_before_the_act(database, installation):
    with database.connect("admin", autocommit=True) as admin:
        [body] = admin.execute(
            "SELECT pg_get_functiondef('jobs.enqueue(text,jsonb)'::regprocedure)"
        ).fetchone()
        admin.execute(body.replace("FOR UPDATE", ""))
    with database.transaction("portals") as tx:
        job_id = enqueue(tx, "expose_incident", incident_id=1)
    connection = database.connect("portals")
    enqueue(connection, "expose_incident", incident_id=1)
    with working(installation, work=work_with()):
        eventually(lambda: read_state(database, job_id) == "succeeded")
    # The act is not committed yet, and its job has ended.
    assert connection.info.transaction_status is TransactionStatus.INTRANS
    connection.rollback()
    connection.close()
