"""`rempart retention` from a plan to a certificate; holds; the archive; schedules."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from tests.feed_samples import AMC, INSURER, make_nir
from tests.retention.practice import Cellar

from rempart.cli.main import cli
from rempart.disclosure.note import NoteSigner
from rempart.jobs import retention as jobs
from rempart.retention.schedule import load_default_text
from rempart.wiring.database import Installation
from rempart.workflows.retention.run_retention import run_retention


class Silent:
    """Follows a job and says nothing."""

    job_id = 0

    def tell(self, *_args, **_options) -> None: ...

    conclude = check = tell


@pytest.fixture
def installation(home, settings, database, cellar: Cellar, tmp_path, monkeypatch) -> Installation:
    monkeypatch.setenv("REMPART_HOME", str(home.path))
    monkeypatch.setenv("DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("REMPART_BACKUPS", str(tmp_path / "backups"))
    settings = replace(settings, backups=str(tmp_path / "backups"))
    return Installation(settings=settings, home=home, database=database)


def invoke(*arguments: str, stdin: str | None = None, code: int = 0) -> str:
    result = CliRunner().invoke(cli, ["retention", *arguments], input=stdin)
    assert result.exit_code == code, result.output
    return result.output + str(result.exception or "")


def agree(cellar: Cellar, run_id: str) -> None:
    assert "agreed to once" in invoke("approve", run_id)
    cellar.run(
        "UPDATE retention.run SET state = 'approved', second_by = 77,"
        " second_at = clock_timestamp() WHERE run_id = %s",
        int(run_id),
    )


def test_from_a_plan_to_a_certificate_and_to_the_day_somebody_left(
    installation: Installation, cellar: Cellar
):
    cellar.add(1, left_months=25)
    cellar.add(2)
    cellar.load()
    person, _ = cellar.list_persons()
    assert "nothing leaves" not in invoke("plan")
    assert "limitation" in invoke("show", "1")
    assert "approved" in invoke("run", "1", code=1)
    agree(cellar, "1")
    output = invoke("run", "1")
    assert "archive nir 1" in output
    assert invoke("certificate", "1").count("root ") == 1
    assert_proven(cellar)
    assert "nir" in invoke("archive")
    opened = invoke("read", str(person), "--reason", "contrôle fiscal 2026-12")
    assert "DURAND" in opened
    [(question, purpose)] = cellar.fetch(
        "SELECT body::json->>'question', body::json->>'purpose' FROM ledger.statement"
        " WHERE body LIKE '%%archive-read%%'"
    )
    assert (question, purpose) == ("archive-read", "contrôle fiscal 2026-12")
    typed = f"{AMC}\n{make_nir(1)}\n19840502\n1\n"
    said = invoke("gone", stdin=typed)
    assert "archive  nir" in said
    assert "delete   contact" in said
    nobody = f"{AMC}\n{make_nir(3)}\n19840502\n1\n"
    assert "nothing of them" in invoke("gone", stdin=nobody, code=1)
    assert "nothing is due" in invoke("plan")


def assert_proven(cellar: Cellar) -> None:
    """The certificate is checked with its public key alone, and a letter changed is refused."""
    [(note, vkey)] = cellar.fetch("SELECT certificate, signed_by FROM retention.run")
    verify = ("verify", "-", "--key")
    said = invoke(*verify, vkey, stdin=note)
    assert "archive nir" in said
    assert "proven: run 1" in said
    changed = note.replace("archive nir 1", "archive nir 2")
    assert changed != note
    assert "not proven" in invoke(*verify, vkey, stdin=changed, code=1)
    other = NoteSigner("rempart.invalid/test/retention", bytes(range(32))).verifier.vkey
    assert "not proven" in invoke(*verify, other, stdin=note, code=1)
    assert "not proven" in invoke(*verify, "abc", stdin=note, code=1)
    assert "not proven" in invoke(*verify, vkey, stdin="bonjour", code=1)


def test_the_preview_of_a_plan_is_of_people_from_one_end_to_the_other_without_references(
    installation: Installation, cellar: Cellar
):
    for serial in range(1, 9):
        cellar.add(serial, left_months=24 + 12 * serial)
    cellar.load()
    refs = cellar.list_persons()
    run_id = cellar.plan()
    [(preview,)] = cellar.fetch("SELECT preview FROM retention.run WHERE run_id = %s", run_id)
    [(lines,)] = cellar.fetch("SELECT items FROM retention.run WHERE run_id = %s", run_id)
    assert sum(count for _year, _step, count in preview["years"]) == lines
    assert len({year for year, _step, _count in preview["years"]}) > 3
    people = {one["place"] for one in preview["samples"]}
    assert 4 <= len(people) <= 6
    assert {"civil", "contact"} <= {one["field"] for one in preview["samples"]}
    assert not [ref for ref in refs if str(ref) in json.dumps(preview)]
    cellar.agree(run_id)
    run_retention(cellar.keeper, run_id)
    [(preview,)] = cellar.fetch("SELECT preview FROM retention.run WHERE run_id = %s", run_id)
    assert set(preview) == {"years"}


def test_a_hold_is_placed_listed_and_released(installation: Installation, cellar: Cellar):
    cellar.add(1, left_months=75)
    cellar.load()
    [person] = cellar.list_persons()
    options = ["--insurer", str(INSURER), "--reason", "commission rogatoire 12"]
    number = invoke(
        *("hold", "place", "--kind", "judicial", "--person", str(person), *options)
    ).strip()
    assert f"judicial {number}" in invoke("hold", "list")
    assert f"held by judicial {number}" in invoke("plan")
    invoke("hold", "release", number, "--reason", "fin")
    assert invoke("hold", "list") == ""
    assert "no such hold" in invoke("hold", "release", number, "--reason", "fin", code=1)
    other = ["hold", "place", "--kind", "judicial", "--person", "5", *options]
    assert "nobody of this insurer" in invoke(*other, code=1)


def test_what_moves_a_period_is_told(installation: Installation, cellar: Cellar):
    cellar.add(1, left_months=25)
    cellar.load()
    [person] = cellar.list_persons()
    of = ["--insurer", str(INSURER), "--person", str(person), "--reason", "attestation"]
    said = invoke("tell", "portability", *of, "--from", "2010-01-01", "--to", "2025-06-30")
    assert "until 2026-06-30" in said
    assert "nothing is due" in invoke("plan")
    invoke("tell", "portability", *of, "--from", "2025-01-01", code=2)
    invoke("tell", "interruption", *of, "--from", "2025-01-01")
    upside_down = ["--from", "2025-03-01", "--to", "2025-02-01"]
    assert "before" in invoke("tell", "suspension", *of, *upside_down, code=1)
    invoke("tell", "portability", *of, *upside_down, code=2)
    twice = ["--from", "2025-01-01", "--to", "2025-02-01"]
    assert "of one day" in invoke("tell", "interruption", *of, *twice, code=1)
    told = cellar.fetch("SELECT count(*) FROM retention.event")
    # A reference typed wrong moves nobody's periods: it is said.
    for wrong in (["--person", "5", *of[:2], *of[4:]], ["--insurer", "8", *of[2:]]):
        said = invoke("tell", "interruption", *wrong, "--from", "2025-01-01", code=1)
        assert "nobody of this insurer" in said
    assert cellar.fetch("SELECT count(*) FROM retention.event") == told


def test_nothing_is_planned_of_a_day_that_has_not_come(installation: Installation, cellar: Cellar):
    cellar.add(1, left_months=1)
    cellar.load()
    assert "before its time" in invoke("plan", "--day", "2099-01-01", code=2)
    assert cellar.fetch("SELECT count(*) FROM retention.run") == [(0,)]


def test_a_schedule_is_shown_tried_and_proposed(
    installation: Installation, cellar: Cellar, tmp_path
):
    cellar.add(1, left_months=13)
    cellar.load()
    assert invoke("schedule", "show") == load_default_text()
    file = tmp_path / "schedule.toml"
    file.write_text(load_default_text().replace("months = 24", "months = 12"), encoding="utf-8")
    tried = invoke("schedule", "try", str(file))
    assert "delete contact                    0          1" in tried
    ref = int(invoke("schedule", "propose", str(file), "--note", "un an suffit"))
    [(state, effect)] = cellar.fetch("SELECT state, effect FROM retention.schedule")
    assert (state, effect["then"]["delete contact"], effect["now"]) == ("proposed", 1, {})
    # somebody else approves it: from then on it is the one in force
    cellar.run(
        "UPDATE retention.schedule SET state = 'approved', decided_by = 77 WHERE schedule_ref = %s",
        ref,
    )
    assert invoke("schedule", "show") == file.read_text("utf-8")
    assert "limitation" in invoke("plan")
    file.write_text("name = 3", encoding="utf-8")
    assert "no active rule" in invoke("schedule", "try", str(file), code=1).lower()


def test_the_night_plans_and_a_small_run_under_an_approved_schedule_goes_by_itself(
    installation: Installation, cellar: Cellar, tmp_path
):
    cellar.add(1, left_months=30)
    cellar.load()
    jobs.plan_retention(installation, Silent())
    assert cellar.find_state(1) == "planned"
    jobs.plan_retention(installation, Silent())  # it waits: nothing else is planned
    invoke("refuse", "1", "--reason", "à revoir")
    file = tmp_path / "schedule.toml"
    text = load_default_text().replace("routine_people = 0", "routine_people = 10")
    file.write_text(text, encoding="utf-8")
    ref = int(invoke("schedule", "propose", str(file), "--note", "peu de monde"))
    jobs.try_schedule(installation, Silent(), {"schedule_ref": ref})
    cellar.run("UPDATE retention.schedule SET state = 'approved', decided_by = 77")
    jobs.plan_retention(installation, Silent())
    [(run_id,)] = cellar.fetch("SELECT run_id FROM retention.run WHERE state = 'approved'")
    asked = cellar.fetch("SELECT task_name, args FROM jobs.procrastinate_jobs")
    assert ("run_retention", {"run_id": run_id}) in asked
    jobs.run_retention(installation, Silent(), {"run_id": run_id})
    assert cellar.find_state(run_id) == "done"
    assert cellar.fetch("SELECT count(*) FROM identity.person") == [(0,)]
    assert json.dumps(cellar.fetch("SELECT routine FROM retention.run ORDER BY run_id")) == (
        "[[false], [true]]"
    )
