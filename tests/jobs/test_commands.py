"""`rempart work` and `rempart jobs`, as whoever runs the installation calls them."""

import json

import pytest
from click.testing import CliRunner, Result
from tests.jobs.practice import ask_database, drain, work_with

from rempart.cli.main import cli
from rempart.kernel.errors import InconsistentRecord
from rempart.workflows.jobs.job_kinds import KINDS


@pytest.fixture
def run(environment, monkeypatch):
    """Run a command in this installation; its standard output must be all it prints there."""
    for name, value in {**environment, "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == code, result.output
        return result

    return run


def fail(_at, _report, _arguments):
    raise InconsistentRecord("two lists differ")


def test_once_does_what_is_due_and_what_waits_then_stops(run, database, tmp_path, monkeypatch):
    monkeypatch.setenv("REMPART_SEGMENTS", str(tmp_path))
    asked = int(run("jobs", "run", "forget_jobs").stdout)
    run("work", "--once")
    listed = [json.loads(line) for line in run("jobs", "list", "--json").stdout.splitlines()]
    assert {one["state"] for one in listed} == {"succeeded"}
    assert asked in {one["job"] for one in listed}
    due = {name for name, kind in KINDS.items() if kind.cron and not kind.needs}
    assert {one["kind"] for one in listed} == due


def test_only_the_queues_asked_for_are_worked(run, database):
    routine = int(run("jobs", "run", "forget_jobs").stdout)
    run("work", "--once", "--queues", "incidents")
    shown = json.loads(run("jobs", "show", str(routine), "--json").stdout)
    assert (shown["state"], shown["attempts"]) == ("todo", [])
    assert "routine, incidents" in run("work", "--queues", "other", code=2).output


def test_what_failed_is_shown_with_its_cause_and_taken_up_again(run, installation):
    job = run("jobs", "run", "expose_incident", "incident_id=12").stdout.strip()
    drain(installation, work=work_with(expose_incident=fail), queues=["incidents"])
    shown = run("jobs", "show", job).stdout
    assert "expose_incident incident_id 12: failed" in shown
    assert "two lists differ [inconsistent_record]" in shown
    assert "two lists differ" in run("jobs", "list", "--state", "failed", "--json").stdout
    run("jobs", "retry", job)
    run("jobs", "cancel", job)
    assert json.loads(run("jobs", "show", job, "--json").stdout)["state"] == "cancelled"


def test_a_list_is_sorted_and_cut_into_pages(run):
    numbers = [
        int(run("jobs", "run", "expose_incident", f"incident_id={n}").stdout) for n in (1, 2, 3)
    ]
    page = run("jobs", "list", "--json", "--sort", "job", "--ascending", "--limit", "2")
    assert [json.loads(line)["job"] for line in page.stdout.splitlines()] == numbers[:2]
    page = run("jobs", "list", "--json", "--ascending", "--limit", "2", "--page", "2")
    assert [json.loads(line)["job"] for line in page.stdout.splitlines()] == numbers[2:]
    assert "1 of 3" in run("jobs", "list", "--limit", "1").stderr


@pytest.mark.parametrize("sort", ["kind", "state", "since", "tries"])
def test_a_list_is_sorted_by_any_column(run, sort):
    run("jobs", "run", "forget_jobs")
    assert len(run("jobs", "list", "--json", "--sort", sort).stdout.splitlines()) == 1


def test_what_is_due_is_listed_and_that_nobody_works(run, installation):
    drain(installation, work=work_with())
    listed = run("jobs", "schedule")
    assert "set REMPART_WARNINGS_TO" in listed.stdout
    assert "sweep_former_members" in listed.stdout
    assert "no worker works" in listed.stderr


def test_a_word_is_no_reference(run, database):
    assert "NAME=NUMBER" in run("jobs", "run", "expose_incident", "incident_id=x", code=2).output
    refused = CliRunner().invoke(cli, ["jobs", "run", "expose_incident"])
    assert refused.exit_code != 0
    assert ask_database(database, "SELECT count(*) FROM jobs.procrastinate_jobs") == [(0,)]
