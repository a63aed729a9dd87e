"""Each job once: two workers, a failure, a stop, a missed period, a clock put back."""

import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from procrastinate.jobs import Job
from tests.jobs.practice import (
    ask_database,
    drain,
    eventually,
    list_outcomes,
    read_state,
    work_with,
    working,
)

from rempart.jobs import worker as worker_module
from rempart.jobs.failures import (
    Described,
    JobFailed,
    Patience,
    describe_failure,
    find_longest_wait_s,
)
from rempart.jobs.work import WORK, Attempt, run_attempt
from rempart.kernel.errors import InconsistentRecord, Unavailable
from rempart.storage import jobs
from rempart.workflows.jobs.enqueue import enqueue
from rempart.workflows.jobs.job_kinds import KINDS
from rempart.workflows.jobs.manage_jobs import cancel_job, retry_job
from rempart.workflows.jobs.read_jobs import find_next, read_job

MANY = 30


def ask(database, incident_id=1) -> int:
    with database.transaction("worker") as tx:
        return enqueue(tx, "expose_incident", incident_id=incident_id)


def read(database, job_id):
    with database.transaction("worker") as tx:
        return read_job(tx, None, job_id)


def test_every_kind_has_its_work():
    assert set(WORK) == set(KINDS)


def test_two_workers_do_each_job_once(database, installation):
    numbers = [ask(database, n) for n in range(1, MANY + 1)]
    done, lock = [], threading.Lock()

    def expose(_at, _report, arguments):
        with lock:
            done.append(arguments["incident_id"])

    work = work_with(expose_incident=expose)
    options = {"work": work, "queues": ["incidents"]}
    with working(installation, **options), working(installation, **options):
        eventually(lambda: all(read_state(database, one) == "succeeded" for one in numbers))
    assert sorted(done) == list(range(1, MANY + 1))


def test_what_may_pass_is_tried_again_and_what_may_not_waits_for_somebody(database, installation):
    tries = []

    def expose(_at, _report, arguments):
        tries.append(arguments["incident_id"])
        if arguments["incident_id"] == 1:
            raise Unavailable("segments cannot be read")
        raise InconsistentRecord("two lists differ")

    passing, lasting = ask(database, 1), ask(database, 2)
    drain(installation, work=work_with(expose_incident=expose), queues=["incidents"])
    assert sorted(tries) == [1, 2]
    assert (read_state(database, passing), read_state(database, lasting)) == ("todo", "failed")
    row = read(database, lasting)
    assert (row.code, row.reason) == ("inconsistent_record", "two lists differ")
    assert read(database, passing).due_at is not None
    with database.transaction("worker") as tx:
        retry_job(tx, None, lasting)
    assert read_state(database, lasting) == "todo"


def test_a_failure_repeats_nothing_that_a_driver_said(database, installation, caplog):
    secret = "DUPONT-1987"

    def expose(at, _report, _arguments):
        with at.database.transaction("worker") as tx:
            tx.execute("SELECT %s::integer", [secret])

    job_id = ask(database)
    drain(installation, work=work_with(expose_incident=expose), queues=["incidents"])
    row = read(database, job_id)
    assert row.code == "database"
    assert row.reason.startswith("InvalidTextRepresentation 22P02")
    assert secret not in row.reason + caplog.text
    assert "expose_incident" in caplog.text


def test_mutation_what_the_driver_says_holds_the_value():
    failure = psycopg.errors.InvalidTextRepresentation('invalid input: "DUPONT-1987"')
    assert "DUPONT" in str(failure)
    assert "DUPONT" not in describe_failure(failure).reason


def test_a_job_that_was_taken_up_meets_the_next_of_its_kind_without_harm(database, installation):
    """Put back to wait, it stands beside another that waits for the same."""
    began, go = threading.Event(), threading.Event()

    def expose(_at, _report, _arguments):
        if not began.is_set():
            began.set()
            go.wait(20)
            raise Unavailable("not yet")

    first = ask(database)
    with working(installation, work=work_with(expose_incident=expose), queues=["incidents"]):
        began.wait(20)
        second = ask(database)
        go.set()
        eventually(lambda: read_state(database, first) == "todo")
        eventually(lambda: list_outcomes(database, first) == ["to_retry"])
    assert first != second
    assert read_state(database, second) in {"todo", "succeeded"}


def test_progress_is_read_while_the_job_runs_and_a_cancelled_job_ends_at_its_next_step(
    database, installation
):
    def expose(_at, report, _arguments):
        for step in range(10_000):
            report.tell(step, 10_000, unit="persons")
            time.sleep(0.02)

    job_id = ask(database)
    with working(installation, work=work_with(expose_incident=expose), queues=["incidents"]):
        eventually(lambda: read(database, job_id).done > 0)
        assert (read(database, job_id).total, read(database, job_id).unit) == (10_000, "persons")
        with database.transaction("worker") as tx:
            cancel_job(tx, None, job_id)
        eventually(lambda: read_state(database, job_id) == "aborted")
    assert list_outcomes(database, job_id) == ["cancelled"]


def test_a_job_that_waits_and_is_cancelled_never_begins(database, installation):
    job_id = ask(database)
    with database.transaction("worker") as tx:
        cancel_job(tx, None, job_id)
    drain(installation, work=work_with(), queues=["incidents"])
    assert read_state(database, job_id) == "cancelled"
    assert list_outcomes(database, job_id) == []


def test_a_worker_that_is_stopped_has_the_job_end_at_a_step_and_it_is_taken_up_again(
    database, installation
):
    def expose(_at, report, _arguments):
        for step in range(10_000):
            report.tell(step)
            time.sleep(0.02)

    job_id = ask(database)
    with working(installation, work=work_with(expose_incident=expose), queues=["incidents"]):
        eventually(lambda: read_state(database, job_id) == "doing")
        eventually(lambda: list_outcomes(database, job_id) == [None])
    assert read_state(database, job_id) == "todo"
    assert list_outcomes(database, job_id) == ["stopped"]
    drain(installation, work=work_with(), queues=["incidents"])
    assert list_outcomes(database, job_id) == ["stopped", "done"]


def test_draining_waits_for_the_last_job_to_end_by_itself(database, installation):
    def expose(_at, report, _arguments):
        for step in range(30):
            report.tell(step)
            time.sleep(0.02)

    job_id = ask(database)
    drain(installation, work=work_with(expose_incident=expose), queues=["incidents"])
    assert list_outcomes(database, job_id) == ["done"]


def test_what_was_missed_is_done_once_and_said_to_be_late(database, installation):
    ran = []
    drain(installation, work=work_with(forget_jobs=lambda *_: ran.append(1)))
    drain(installation, work=work_with(forget_jobs=lambda *_: ran.append(1)))
    assert ran == [1]
    [(late_s,)] = ask_database(
        database,
        "SELECT late_s FROM jobs.attempt JOIN jobs.procrastinate_jobs ON id = job_id"
        " WHERE task_name = 'forget_jobs'",
    )
    assert 0 <= late_s <= 86_400


def make_attempt(database, *, due_at, now) -> Attempt:
    return Attempt(
        job_id=ask(database),
        kind=KINDS["forget_jobs"],
        arguments={},
        due_at=due_at,
        now=lambda: now,
    )


def test_a_run_that_began_later_covers_what_was_due_before(database, installation):
    now, work = datetime.now(UTC), work_with()
    yesterday = now - timedelta(days=1)
    first = make_attempt(database, due_at=yesterday, now=now)
    assert run_attempt(installation, first, work) == "done"
    second = make_attempt(database, due_at=now - timedelta(hours=1), now=now)
    assert run_attempt(installation, second, work) == "needless"
    third = make_attempt(database, due_at=now + timedelta(hours=1), now=now + timedelta(hours=1))
    assert run_attempt(installation, third, work) == "done"


def test_runs_left_in_the_future_by_a_clock_that_was_put_back_cover_nothing(database, installation):
    now, work = datetime.now(UTC), work_with()
    ahead = now + timedelta(days=365)
    assert (
        run_attempt(installation, make_attempt(database, due_at=ahead, now=ahead), work) == "done"
    )
    back = make_attempt(database, due_at=now - timedelta(minutes=1), now=now)
    assert run_attempt(installation, back, work) == "done"


def test_a_clock_that_is_changed_has_the_worker_count_afresh(
    database, installation, monkeypatch, caplog
):
    real, shift = time.time, [0.0]
    monkeypatch.setattr(worker_module.time, "time", lambda: real() + shift[0])
    with working(installation, work=work_with(), queues=["incidents"]):
        job_id = ask(database)
        eventually(lambda: read_state(database, job_id) == "succeeded")
        shift[0] = -86_400.0
        eventually(lambda: "the clock was changed" in caplog.text)
        shift[0] = 0.0
        again = ask(database, 2)
        eventually(lambda: read_state(database, again) == "succeeded")


def test_a_job_that_killed_its_workers_too_often_is_given_up(database):
    job_id = ask(database)
    for _ in range(5):
        with database.connect("admin", autocommit=True) as admin:
            admin.execute(
                "UPDATE jobs.procrastinate_jobs SET status = 'doing' WHERE id = %s", [job_id]
            )
        with database.transaction("worker") as tx:
            jobs.begin_attempt(tx, job_id, started_at=datetime.now(UTC), late_s=0)
            [one] = jobs.reclaim(tx, stalled_s=20, most=5)
    assert one == (job_id, "failed")
    assert list_outcomes(database, job_id) == ["died"] * 5
    assert read(database, job_id).code == "died"


def test_old_jobs_are_forgotten_and_those_that_failed_later(database, installation):
    numbers = {}
    for n, state in enumerate(("succeeded", "failed", "todo"), start=1):
        numbers[state] = ask(database, n)
        with database.connect("admin", autocommit=True) as admin:
            admin.execute(
                "UPDATE jobs.procrastinate_jobs SET status = %s::jobs.procrastinate_job_status,"
                " queue_name = 'routine' WHERE id = %s",
                [state, numbers[state]],
            )
            admin.execute("UPDATE jobs.procrastinate_events SET at = at - interval '10 days'")
    with database.transaction("worker") as tx:
        assert jobs.forget_jobs(tx, routine=timedelta(days=3), others=timedelta(days=90)) == 1
    assert [read_state(database, numbers[one]) for one in numbers] == ["gone", "failed", "todo"]


def test_each_schedule_can_be_read_and_comes_again():
    now = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    due = {name: find_next(kind.cron, now) for name, kind in KINDS.items() if kind.cron}
    assert due["renew_guard_rules"] == datetime(2026, 11, 23, 1, 6, tzinfo=UTC)
    assert all(now < at <= now + timedelta(days=1) for at in due.values())


@pytest.mark.parametrize("month", [1, 7])
def test_former_members_leave_soon_after_midnight_in_paris(month):
    from zoneinfo import ZoneInfo

    midnight = datetime(2026, month, 12, tzinfo=ZoneInfo("Europe/Paris"))
    first = find_next(KINDS["sweep_former_members"].cron or "", midnight)
    assert first - midnight < timedelta(hours=1)


def test_what_is_due_every_minute_never_waits_longer_for_another_try():
    found = JobFailed(Described("unavailable", "away"), passing=True)
    tried = Job(id=1, attempts=3, task_name="any", queue="routine", lock="", queueing_lock="")

    def wait_s(kind: str) -> float:
        patience = Patience(find_longest_wait_s(KINDS[kind].cron))
        decision = patience.get_retry_decision(exception=found, job=tried)
        return (decision.retry_at - datetime.now(UTC)).total_seconds()

    assert wait_s("adjudicate_claims") == pytest.approx(60, abs=2)
    assert wait_s("run_retention") == pytest.approx(320, abs=2)


def test_a_job_interrupted_by_a_stop_is_taken_up_at_once():
    from procrastinate.exceptions import JobAborted

    assert Patience().get_retry_decision(exception=JobAborted(), job=None) is not None
