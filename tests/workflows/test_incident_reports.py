"""`rempart incident clocks|report|export`, as somebody types them, and the reminders they write."""

import csv
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from fhir.resources.R4B.auditevent import AuditEvent

from rempart.cli.main import cli
from rempart.exchange.complaint import check_bundle
from rempart.exchange.dora_report import validate_report
from rempart.incidents.evidence import Window
from rempart.incidents.room import EventKind
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.kernel.synthetic import make_synthetic_amc_number
from rempart.storage.incident_room import add_event
from rempart.workflows.incidents import clocks, judge_incident, notify_authority
from rempart.workflows.incidents.case_file import Writer, read_case
from rempart.workflows.incidents.declare_incident import declare_incident

NOW = datetime.now(UTC)
KNOWN = {"supports_critical": True, "malicious_access": True, "may_lose_data": True}


@pytest.fixture
def run(environment):
    return lambda *arguments: CliRunner(env=environment).invoke(cli, ["incident", *arguments])


@pytest.fixture
def writer() -> Writer:
    return Writer(asker=None, name="Alice Garde", now=NOW)


@pytest.fixture
def number(database) -> int:
    """An incident of one insurer, told four days ago; one person shown in one session."""
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)"
            " VALUES (1, %s, 'Aubelune', '2023-01-01')",
            [make_synthetic_amc_number(1).number],
        )
    with database.transaction("analyst") as tx:
        window = Window(
            starts_ms=to_ms(NOW - timedelta(days=6)), ends_ms=to_ms(NOW - timedelta(days=5))
        )
        incident_id = declare_incident(tx, title="Comptes détournés", window=window)
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO incidents.exposed_person"
            " (incident_id, insurer_id, person_ref, tier, fields, lookups, sessions)"
            " VALUES (%s, 1, 4242, 'A', 1, 2, '{71,72}')",
            [incident_id],
        )
        for kind, insurer_id in ((EventKind.AWARENESS, None), (EventKind.PACKAGE_RECEIVED, 1)):
            add_event(
                tx,
                incident_id,
                kind=kind,
                happened_ms=to_ms(NOW - timedelta(days=4)),
                author="Alice Garde",
                insurer_id=insurer_id,
            )
    return incident_id


def to_ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def test_what_is_late_is_printed_and_exits_with_one(run, number):
    shown = run("clocks", str(number), "--json")
    assert shown.exit_code == 1, shown.output
    rows = {row["clock"]: row for row in json.loads(shown.stdout)}
    assert rows["gdpr_33"]["state"] == "missed"
    assert rows["gdpr_33"]["party"] == "Aubelune"
    assert rows["processor_notice"]["due"] is None
    assert "CNIL" in run("clocks").stdout


def test_an_incident_that_does_not_exist_is_told(run):
    assert isinstance(run("clocks", "999").exception, NotFound)


def test_a_reminder_is_written_once_per_threshold(run, number, database):
    first = run("clocks", str(number), "--remind")
    second = run("clocks", str(number), "--remind")
    assert first.stderr.strip() != "0 reminders written"
    assert second.stderr.strip() == "0 reminders written"
    with database.transaction("registrar") as tx:
        [(count,)] = tx.execute(
            "SELECT count(*) FROM accounts.security_event WHERE kind = 'clock_due'"
        ).fetchall()
    assert f"{count} reminders written" in first.stderr


def test_mutation_a_reminder_that_is_not_noted_would_come_again(number, database):
    with database.transaction("analyst") as tx:
        due = clocks.list_due_reminders(tx, now=NOW)
        assert due
        assert clocks.list_due_reminders(tx, now=NOW) == due


def test_an_exercise_reminds_nobody(database):
    with database.transaction("analyst") as tx:
        window = Window(starts_ms=1, ends_ms=2)
        exercise = declare_incident(tx, title="Essai", window=window, exercise=True)
        add_event(
            tx,
            exercise,
            kind=EventKind.AWARENESS,
            happened_ms=to_ms(NOW - timedelta(days=9)),
            author="Alice Garde",
        )
        assert clocks.list_due_reminders(tx, now=NOW) == []


@pytest.mark.parametrize(
    ("arguments", "starts"),
    [
        (("--kind", "cnil", "--insurer", "1"), b"%PDF"),
        (("--kind", "cnil", "--insurer", "1", "--format", "json"), b"{"),
        (("--kind", "cnil", "--format", "text", "--phase", "complementary"), b"NOTIFICATION"),
        (("--kind", "register"), b"{"),
        (("--kind", "acpr"), b"%PDF"),
        (("--kind", "anssi", "--format", "text"), b"SYNTH"),
    ],
)
def test_each_report_is_written_whole(run, number, tmp_path, arguments, starts):
    out = tmp_path / "report"
    done = run("report", str(number), *arguments, "--out", str(out))
    assert done.exit_code == 0, done.output
    assert out.read_bytes().startswith(starts)
    assert "up to a person" in done.stderr


def test_gaps_are_told_beside_the_file(run, number, tmp_path):
    done = run(
        "report", str(number), "--kind", "cnil", "--insurer", "1", "--out", str(tmp_path / "x")
    )
    assert "missing: SIREN du responsable (délégué à la protection des données)" in done.stderr


def test_a_dora_report_waits_for_a_classification_and_for_what_its_schema_needs(
    run, number, tmp_path, database, writer
):
    out = tmp_path / "dora.json"
    asked = ("report", str(number), "--kind", "dora", "--insurer", "1", "--out", str(out))
    assert isinstance(run(*asked).exception, Conflict)
    with database.transaction("analyst") as tx:
        classification = judge_incident.classify(tx, writer, number, [1], KNOWN)
        assert classification.major
    refused = run(*asked)
    assert isinstance(refused.exception, InvalidRequest)
    assert not out.exists()
    with database.transaction("analyst") as tx:
        notify_authority.save_answers(
            tx,
            writer,
            number,
            None,
            report="dora",
            phase="initial",
            answers={"contact_email": "crise@operateur.invalid"},
        )
    done = run(*asked)
    assert done.exit_code == 0, done.output
    assert validate_report(json.loads(out.read_bytes())) == []
    assert "LEI" in done.stderr


def test_a_dora_report_follows_the_classification_of_its_own_insurers(number, database, writer):
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)"
            " VALUES (2, %s, 'Brisemer', '2023-01-01')",
            [make_synthetic_amc_number(2).number],
        )
        tx.execute(
            "INSERT INTO incidents.exposed_person"
            " (incident_id, insurer_id, person_ref, tier, fields, lookups, sessions)"
            " VALUES (%s, 2, 4343, 'A', 1, 2, '{71}')",
            [number],
        )
    with database.transaction("analyst") as tx:
        judge_incident.classify(tx, writer, number, [1, 2], {**KNOWN, "clients_total": 1000})
        minor = dict.fromkeys(KNOWN, False)
        judge_incident.classify(tx, writer, number, [2], {**minor, "clients_total": 10})
        first, second, both = (
            notify_authority.prepare_dora(tx, writer, number, insurers, phase="intermediate").body
            for insurers in ([1], [2], [1, 2])
        )
    kinds = [one["incident"]["classificationTypes"] for one in (first, second, both)]
    assert [len(kind) for kind in kinds] == [2, 1, 2]
    shares = [one["impactAssessment"]["affectedAssets"] for one in (first, second, both)]
    assert ["percentage" in one["affectedClients"] for one in shares] == [False, True, True]


def test_where_nobody_can_say_how_many_a_hole_hides_no_most_is_told(number, database, writer):
    def read_bounds():
        with database.transaction("analyst") as tx:
            return read_case(tx, writer, number).find_population(1).bounds

    assert (read_bounds().lower, read_bounds().upper) == (1, 1)
    for analysis, (said, upper) in enumerate([("4", 4), ("null", None)], 1):
        with database.transaction("owner") as tx:
            tx.execute(
                "INSERT INTO incidents.analysis (incident_id, number, author, rules, inputs,"
                " coverage, counts, list_digest) VALUES (%s, %s, 'Alice', '1', '{}', '{}',"
                " jsonb_build_object('lower', 1, 'best', 1, 'upper', %s::jsonb), sha256(''))",
                (number, analysis, said),
            )
        assert read_bounds().upper == upper


def test_a_complaint_takes_files_in_with_their_digests(run, number, tmp_path):
    piece = tmp_path / "journal.txt"
    piece.write_text("une ligne")
    out = tmp_path / "plainte.zip"
    done = run(
        *("report", str(number), "--kind", "complaint", "--evidence", str(piece)),
        *("--out", str(out), "--by", "Alice Garde"),
    )
    assert done.exit_code == 0, done.output
    assert check_bundle(out.read_bytes()) == []
    with zipfile.ZipFile(out) as archive:
        assert archive.read("preuves/journal.txt") == b"une ligne"
        assert "Alice Garde" in archive.read("plainte.txt").decode()


def test_each_person_and_session_leaves_as_an_audit_event_on_record(
    run, number, tmp_path, durable_ledger
):
    out = tmp_path / "events.ndjson"
    done = run("export", str(number), "--format", "fhir", "--out", str(out))
    assert done.exit_code == 0, done.output
    events = [AuditEvent.model_validate_json(line) for line in out.read_bytes().splitlines()]
    assert len(events) == 2
    assert durable_ledger("incident-fhir") == 1


def test_mutation_without_the_act_nothing_is_exported(run, number, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise Conflict("no ledger")

    monkeypatch.setattr("rempart.workflows.incidents.export_incident.record_act", refuse)
    out = tmp_path / "events.ndjson"
    assert run("export", str(number), "--format", "ocsf", "--out", str(out)).exit_code != 0
    assert not out.exists()


@pytest.mark.parametrize("form", ["ciso-assistant", "iris", "iris-timeline"])
def test_other_tools_get_counts(run, number, tmp_path, form):
    out = tmp_path / form
    done = run("export", str(number), "--format", form, "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "4242" not in out.read_text()
    if form == "ciso-assistant":
        rows = list(csv.DictReader(io.StringIO(out.read_text())))
        assert rows[0]["affected_subjects_count"] == "1"


@pytest.fixture
def durable_ledger(database):
    """Return how many readings of a question the acts log holds."""

    def count(question: str) -> int:
        with database.transaction("auditor") as tx:
            [(found,)] = tx.execute(
                "SELECT count(*) FROM ledger.statement WHERE body LIKE %s",
                [f'%"{question}"%'],
            ).fetchall()
        return found

    return count
