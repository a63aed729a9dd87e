"""The routine of an installation, done by the real jobs with the logins that each opens."""

from dataclasses import replace

import pytest
from tests.jobs.practice import ask_database, drain, make_installation

from rempart.jobs import routine
from rempart.jobs.report import Report
from rempart.jobs.worker import find_lacking
from rempart.kernel.errors import SetupError
from rempart.wiring.settings import Settings
from rempart.workflows.jobs.enqueue import enqueue
from rempart.workflows.jobs.job_kinds import KINDS

ENDED = """
    SELECT j.task_name, j.status::text, a.outcome, a.reason
    FROM jobs.procrastinate_jobs AS j LEFT JOIN jobs.attempt AS a ON a.job_id = j.id ORDER BY 1
"""


def test_all_that_is_due_is_done_on_a_fresh_installation(settings, home, database, tmp_path):
    for name in ("new", "cur"):
        (tmp_path / name).mkdir()
    settings = replace(
        settings,
        letters_to=tmp_path,
        bounces=tmp_path,
        warnings_to=tmp_path,
        payments_to=tmp_path,
        segments=str(tmp_path / "segments"),
    )
    drain(make_installation(settings, home, database))
    routine = {name for name, kind in KINDS.items() if kind.cron} - {
        "forward_alerts",
        "back_up",
        "copy_acts",
    }
    ended = ask_database(database, ENDED)
    assert {name for name, _, outcome, _ in ended if outcome == "done"} == routine
    # What is due each minute may be due again meanwhile.
    assert {(state, reason) for _, state, _, reason in ended} == {("succeeded", "")}


def test_what_lacks_a_setting_is_not_due_and_the_setting_is_named(settings, home, database):
    drain(make_installation(settings, home, database))
    done = {row[0] for row in ask_database(database, ENDED)}
    lacking = {
        "back_up": "REMPART_BACKUPS",
        "copy_acts": "REMPART_BACKUPS",
        "send_warnings": "REMPART_WARNINGS_TO",
        "forward_alerts": "REMPART_ALERTS_TO",
        "plan_settlement": "REMPART_PAYMENTS_TO",
        "remind_funds": "REMPART_PAYMENTS_TO",
        "print_letters": "REMPART_LETTERS_TO",
        "read_bounces": "REMPART_BOUNCES",
    }
    assert not done & set(lacking)
    noted = "SELECT kind, lacks FROM jobs.schedule WHERE lacks <> ''"
    assert dict(ask_database(database, noted)) == lacking


def test_a_receiver_that_is_away_is_tried_again(settings, home, database, unused_port):
    settings = replace(settings, alerts_to=f"tcp://127.0.0.1:{unused_port}")
    with database.connect("admin", autocommit=True) as admin:
        admin.execute(
            "INSERT INTO guard.rules (day, account_days, width, evidence, card_evidence,"
            " false_containments, norms)"
            " VALUES (1, 0, 1, 1, 1, 0.5, '{}')"
        )
    with database.transaction("worker") as tx:
        job_id = enqueue(tx, "forward_alerts")
    stopped = Report(database=database, job_id=job_id, must_stop=lambda: True)
    routine.forward_alerts(make_installation(settings, home, database), stopped)
    # What was not delivered is not noted as sent.
    assert ask_database(database, "SELECT count(*) FROM guard.alert_cursor") == [(0,)]


@pytest.mark.parametrize("text", ["siem.example:6514", "http://siem.example", "tls://"])
def test_a_receiver_that_cannot_be_is_refused_at_the_start(text):
    with pytest.raises(SetupError, match="REMPART_ALERTS_TO"):
        Settings.from_environment({"REMPART_ALERTS_TO": text})


def test_a_kind_with_its_setting_lacks_nothing(tmp_path):
    kind = KINDS["send_warnings"]
    assert find_lacking(kind, Settings()) == "REMPART_WARNINGS_TO"
    assert find_lacking(kind, Settings(warnings_to=tmp_path)) == ""
