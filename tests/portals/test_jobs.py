"""« Travaux »: what waits, how far it is, what failed; and whether somebody works."""

from datetime import UTC, datetime
from html import unescape

import pytest
from django.test import Client
from tests.portals import people

from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.roles import Role
from rempart.portals.job_wording import JOB_NAMES
from rempart.storage import jobs
from rempart.workflows.jobs.enqueue import enqueue
from rempart.workflows.jobs.job_kinds import KINDS

PAGE = "/console/travaux"


@pytest.fixture
def host(desk) -> people.Organisation:
    return people.make_organisation(desk.database, "operator", name="Plateforme Nu")


def agent(desk, org, role=Role.OPERATOR_OPS):
    browser = Client()
    people.sign_in(browser, desk.database, people.make_agent(desk.database, org, role))
    return browser


@pytest.fixture
def operator(desk, host):
    return agent(desk, host)


def ask(desk, incident_id=1) -> int:
    with desk.database.transaction("worker") as tx:
        return enqueue(tx, "expose_incident", incident_id=incident_id)


def change(desk, statement: str, *values: object) -> None:
    with desk.database.transaction("worker") as tx:
        tx.execute(statement, values)  # type: ignore[arg-type]


def fail(desk, job_id: int, reason: str = "two lists differ") -> None:
    change(desk, "UPDATE jobs.procrastinate_jobs SET status = 'doing' WHERE id = %s", job_id)
    with desk.database.transaction("worker") as tx:
        number = jobs.begin_attempt(tx, job_id, started_at=datetime.now(UTC), late_s=7260)
        jobs.end_attempt(tx, job_id, number, "failed", code="inconsistent_record", reason=reason)
    change(desk, "UPDATE jobs.procrastinate_jobs SET status = 'failed' WHERE id = %s", job_id)


def read_state(desk, job_id: int) -> str:
    with desk.database.transaction("worker") as tx:
        [state] = tx.execute(
            "SELECT status::text FROM jobs.procrastinate_jobs WHERE id = %s", [job_id]
        ).fetchone()
    return state


def text(answer) -> str:
    return unescape(answer.content.decode())


def test_the_list_says_what_waits_how_far_it_is_and_why_it_failed(desk, operator):
    waiting, running, failed = (ask(desk, n) for n in (1, 2, 3))
    change(desk, "UPDATE jobs.procrastinate_jobs SET status = 'doing' WHERE id = %s", running)
    with desk.database.transaction("worker") as tx:
        jobs.save_progress(tx, running, done=25, total=100, unit="persons", note="")
    fail(desk, failed)
    page = text(operator.get(PAGE))
    for words in ("attend", "en cours", "25 personnes", "two lists differ", "incident_id 2"):
        assert words in page
    assert 'max="100" value="25"' in page
    only = text(operator.get(f"{PAGE}?etat=failed"))
    assert f"{PAGE}/{failed}" in only
    assert f"{PAGE}/{waiting}" not in only


def test_one_job_shows_each_attempt_and_how_late_it_was(desk, operator):
    job_id = ask(desk)
    assert "Il n’a pas encore commencé" in text(operator.get(f"{PAGE}/{job_id}"))
    fail(desk, job_id)
    page = operator.get(f"{PAGE}/{job_id}")
    assert "en retard de 121 min" in text(page)
    assert "Refresh" not in page.headers


def test_a_job_that_is_not_over_is_looked_at_again(desk, operator):
    assert operator.get(f"{PAGE}/{ask(desk)}").headers["Refresh"] == "5"


def test_whoever_runs_the_installation_retries_and_stops_once_confirmed(desk, operator):
    job_id = ask(desk)
    fail(desk, job_id)
    assert "Reprendre" in text(operator.get(f"{PAGE}/{job_id}/reprise"))
    assert read_state(desk, job_id) == "failed", "asking does nothing"
    assert operator.post(f"{PAGE}/{job_id}/reprise").status_code == 302
    assert read_state(desk, job_id) == "todo"
    assert operator.post(f"{PAGE}/{job_id}/reprise").status_code == 409
    assert operator.post(f"{PAGE}/{job_id}/arret").status_code == 302
    assert read_state(desk, job_id) == "cancelled"
    assert operator.post(f"{PAGE}/{job_id}/arret").status_code == 409


@pytest.mark.parametrize("role", [Role.OPERATOR_SECURITY, Role.OPERATOR_DPO])
def test_the_others_of_the_host_read_and_change_nothing(desk, host, role):
    job_id, browser = ask(desk), agent(desk, host, role)
    page = text(browser.get(f"{PAGE}/{job_id}"))
    assert "Analyse d’un incident" in page
    assert "Arrêter…" not in page
    assert browser.post(f"{PAGE}/{job_id}/arret").status_code == 403
    assert read_state(desk, job_id) == "todo"


def test_a_hosted_operator_sees_no_job(desk, host):
    job_id = ask(desk)
    hosted = people.make_organisation(desk.database, "operator", hosted_by=host.org_ref)
    browser = agent(desk, hosted, Role.OPERATOR_ADMIN)
    assert browser.get(f"{PAGE}/{job_id}").status_code == 404
    assert browser.post(f"{PAGE}/{job_id}/arret").status_code == 404
    assert f"{PAGE}/{job_id}" not in text(browser.get(PAGE))
    assert read_state(desk, job_id) == "todo"


def test_mutation_a_function_that_did_not_ask_who_calls_would_stop_it(desk, host):
    job_id = ask(desk)
    hosted = people.make_organisation(desk.database, "operator", hosted_by=host.org_ref)
    browser = agent(desk, hosted, Role.OPERATOR_ADMIN)
    with desk.database.connect("admin") as admin:
        bodies = [
            admin.execute("SELECT pg_get_functiondef(%s::regprocedure)", [name]).fetchone()[0]
            for name in ("jobs.read_jobs()", "jobs.runs_jobs()")
        ]
    try:
        with desk.database.connect("admin", autocommit=True) as admin:
            for body in bodies:
                admin.execute(body.replace("accounts.is_host()", "true"))
        assert browser.post(f"{PAGE}/{job_id}/arret").status_code == 302
    finally:
        with desk.database.connect("admin", autocommit=True) as admin:
            for body in bodies:
                admin.execute(body)


def test_the_page_and_the_status_say_when_nobody_works(desk, operator, gateway):
    assert "Aucun service de travaux ne fonctionne" in text(operator.get(PAGE))
    assert Client().get("/statut.json").json()["services"]["jobs"] == "down"
    assert "travaux de fond" in text(Client().get("/statut"))


def test_the_page_says_what_is_due_when_once_somebody_works(desk, operator):
    change(desk, "SELECT jobs.procrastinate_register_worker_v1()")
    with desk.database.transaction("worker") as tx:
        jobs.save_schedule(tx, "send_warnings", cron="* * * * *", lacks="REMPART_WARNINGS_TO")
        jobs.save_schedule(tx, "sweep_former_members", cron="14 22,23 * * *", lacks="")
    page = text(operator.get(PAGE))
    assert "Le service des travaux fonctionne" in page
    assert "REMPART_WARNINGS_TO" in page
    assert "Départ des anciens adhérents" in page
    assert Client().get("/statut.json").json()["services"]["jobs"] == "up"


def test_a_worker_that_was_not_heard_of_for_a_minute_works_no_more(desk, operator):
    change(desk, "SELECT jobs.procrastinate_register_worker_v1()")
    change(
        desk,
        "UPDATE jobs.procrastinate_workers SET last_heartbeat = now() - interval '61 seconds'",
    )
    page = text(operator.get(PAGE))
    assert "Aucun service de travaux ne fonctionne" in page
    assert "Dernier signe de vie" in page


def test_the_jobs_are_taken_along_as_a_file_in_the_order_of_the_page(desk, operator):
    first, second = ask(desk, 1), ask(desk, 2)
    lines = operator.get(f"{PAGE}.csv?tri=job&sens=asc").content.decode("utf-8-sig").splitlines()
    assert [line.split(";")[0] for line in lines[1:]] == [str(first), str(second)]


def test_every_kind_of_job_has_a_name():
    assert set(JOB_NAMES) == set(KINDS)


def test_the_database_knows_who_runs_jobs(desk):
    """The roles of the permission stand in a function of the schema too."""
    with desk.database.connect("admin") as admin:
        [body] = admin.execute(
            "SELECT pg_get_functiondef('jobs.runs_jobs()'::regprocedure)"
        ).fetchone()
    named = {role.value for role in Role if f"'{role.value}'" in body}
    assert named == {role.value for role in GRANTS[Permission.MANAGE_JOBS].roles}
