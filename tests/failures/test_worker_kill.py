"""A real worker killed with -9 in the middle of a job; PostgreSQL killed under one."""

import pytest
from tests.jobs.practice import (
    QUICK,
    eventually,
    kill,
    list_outcomes,
    make_installation,
    read_state,
    start_process,
    work_with,
    working,
)

from rempart.storage.connect import Database
from rempart.wiring.database import make_ready
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.jobs.enqueue import enqueue

pytestmark = pytest.mark.timeout(180)


def ask(database, kind="sweep_former_members", **arguments) -> int:
    with database.transaction("worker") as tx:
        return enqueue(tx, kind, **arguments)


def test_a_job_whose_worker_is_killed_is_taken_up_again_and_done_once(
    database, environment, tmp_path
):
    journal = tmp_path / "journal"
    job_id = ask(database)
    dying = start_process(environment, "tests.jobs.slow_worker", str(journal))
    eventually(journal.exists)
    kill(dying)
    assert read_state(database, job_id) == "doing"
    alive = start_process(environment, "tests.jobs.slow_worker", str(journal))
    try:
        eventually(lambda: read_state(database, job_id) == "succeeded")
    finally:
        kill(alive)
    lines = journal.read_text().splitlines()
    assert lines.count("done") == 1
    assert list_outcomes(database, job_id) == ["died", "done"]


def test_mutation_without_looking_for_the_dead_the_job_stays_where_it_was(
    database, environment, tmp_path, settings, home, monkeypatch
):
    journal = tmp_path / "journal"
    job_id = ask(database)
    dying = start_process(environment, "tests.jobs.slow_worker", str(journal))
    eventually(journal.exists)
    kill(dying)
    monkeypatch.setattr("rempart.jobs.worker.JobWorker._reclaim", lambda _: [])
    with working(make_installation(settings, home, database), work=work_with()):
        other = ask(database, "expose_incident", incident_id=1)
        eventually(lambda: read_state(database, other) == "succeeded")
        threshold = QUICK.stalled_s * 2
        again = ask(database, "expose_incident", incident_id=2)
        eventually(lambda: read_state(database, again) == "succeeded", threshold + 20)
    assert read_state(database, job_id) == "doing"


def test_a_worker_comes_back_with_its_database(durable_cluster, reachable_path):
    home = Home.open(reachable_path / "durable")
    place = durable_cluster.status().place
    database = Database(
        address=place.address,
        name="rempart",
        admin="rempart_admin",
        passwords=home.passwords,
    )
    make_ready(database)
    done = []
    work = work_with(expose_incident=lambda _a, _r, arguments: done.append(dict(arguments)))
    installation = make_installation(Settings(), home, database)
    with working(installation, work=work, queues=["incidents"]):
        first = ask(database, "expose_incident", incident_id=1)
        eventually(lambda: read_state(database, first) == "succeeded")
        durable_cluster.stop()
        durable_cluster.start()
        second = ask(database, "expose_incident", incident_id=2)
        eventually(lambda: read_state(database, second) == "succeeded", 90)
    assert done == [{"incident_id": 1}, {"incident_id": 2}]
