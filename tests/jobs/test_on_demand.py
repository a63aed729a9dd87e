"""An incident's analysis and packages, asked for on a page and done by the worker."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.jobs.practice import ask_database, drain, make_installation, read_state
from tests.package_samples import Affair

from rempart.incidents.room import EventKind
from rempart.jobs import routine
from rempart.jobs.on_demand import find_asker
from rempart.jobs.report import Report
from rempart.storage.incident_room import add_event
from rempart.storage.incidents import Window
from rempart.workflows.incidents.declare_incident import declare_incident
from rempart.workflows.jobs.enqueue import enqueue


@pytest.fixture
def incident_id(database) -> int:
    """An incident of a day of which the ledger has nothing."""
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.professional (account_ref, rpps, profession, display_name)"
            " VALUES (101, '99900000101', 'pharmacist', 'Essai')"
        )
    with database.transaction("analyst") as tx:
        return declare_incident(
            tx,
            title="connexions d’ailleurs",
            window=Window(starts_ms=now_ms - 86_400_000, ends_ms=now_ms),
            account_refs=[101],
        )


def test_an_analysis_asked_for_is_done_and_the_room_says_so(settings, home, database, incident_id):
    installation = make_installation(settings, home, database)
    with database.transaction("portals") as tx:
        job_id = enqueue(tx, "expose_incident", incident_id=incident_id)
    drain(installation, queues=["incidents"])
    asked = "SELECT reason FROM jobs.attempt WHERE job_id = %s"  # an hour may begin meanwhile
    assert ask_database(database, asked, job_id) == [("",)]
    assert read_state(database, job_id) == "succeeded"
    kinds = ask_database(database, "SELECT kind FROM incidents.room_event ORDER BY event_ref")
    assert ("analysed",) in kinds


def test_limits_are_reminded_of_by_themselves_once_each(settings, home, database, incident_id):
    aware_ms = int((datetime.now(UTC) - timedelta(hours=71, minutes=30)).timestamp() * 1000)
    with database.transaction("owner") as tx:
        add_event(
            tx, incident_id, kind=EventKind.AWARENESS, happened_ms=aware_ms, author="Alice Garde"
        )
    installation = make_installation(settings, home, database)
    for _ in range(2):
        routine.remind_incidents(installation, Report(database=database, job_id=0))
    warned = "SELECT details->>'clock' FROM accounts.security_event WHERE kind = 'clock_due'"
    assert ask_database(database, warned) == [("complaint_operator",)]


def test_packages_asked_for_are_made_once_however_often_the_job_runs(settings, home, database):
    affair = Affair(database)
    affair.add_insurer(1)
    affair.add_key(1)
    affair.analyse([(1, 101, "A"), (1, 102, "B")])
    installation = make_installation(settings, home, database)
    for _ in range(2):
        with database.transaction("portals") as tx:
            job_id = enqueue(tx, "make_packages", incident_id=affair.incident_id)
        drain(installation, queues=["incidents"])
        assert read_state(database, job_id) == "succeeded", ask_database(
            database, "SELECT code, reason FROM jobs.attempt"
        )
    assert ask_database(database, "SELECT count(*) FROM incidents.package") == [(1,)]


def test_an_incident_that_is_not_there_fails_at_once_and_says_so(settings, home, database):
    with database.transaction("portals") as tx:
        job_id = enqueue(tx, "make_packages", incident_id=999)
    drain(make_installation(settings, home, database), queues=["incidents"])
    assert read_state(database, job_id) == "failed"
    asked = "SELECT code FROM jobs.attempt WHERE job_id = %s"
    assert ask_database(database, asked, job_id) == [("not_found",)]


def test_a_job_of_the_command_line_is_nobody_s(settings, home, database):
    with database.transaction("analyst") as tx:
        job_id = enqueue(tx, "make_packages", incident_id=1)
    asker = find_asker(make_installation(settings, home, database), job_id)
    assert (asker.author.account_ref, asker.in_room.actor_ref) == (0, None)


def test_a_job_is_whose_account_asked_for_it(settings, home, database):
    with database.transaction("analyst") as tx:
        job_id = enqueue(tx, "make_packages", incident_id=1)
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
            " VALUES (7, 'agent', 'Carole Hôte', decode(repeat('07', 32), 'hex'))"
        )
        tx.execute("UPDATE jobs.progress SET asked_by = 7")
    asker = find_asker(make_installation(settings, home, database), job_id)
    assert (asker.author.account_ref, asker.in_room.name) == (7, "Carole Hôte")
