"""`rempart ledger who-saw` and `seen-by`: what they demand, what they record, what they leave."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from tests.analytics import brute_force
from tests.segment_samples import SEGMENT, invent_entries, seal, write_log

from rempart.cli.main import cli
from rempart.disclosure.acts import LedgerRead, Statement, parse_statement
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.synthetic import make_synthetic_nir
from rempart.rights.lookup import TypedIdentifiers, compute_lookup_key
from rempart.storage.connect import Database
from rempart.storage.ledger_expressions import Seen, SeenPerson
from rempart.storage.segment_files import SegmentStore
from rempart.wiring.home import Home
from rempart.workflows.ledger import ask_ledger

PERIOD = ("--from", "2023-11-14T22:00:00+00:00", "--to", "2023-11-15")
WINDOW = {"from_ms": 1_699_999_200_000, "to_ms": 1_700_002_800_000}
INQUIRY, PERSON, INSURER = 77, 7, 1 + 7 % 3


@pytest.fixture
def entries(
    database: Database,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    store: SegmentStore,
    tmp_path: Path,
):
    """A ledger half of whose entries are in files, found by the environment."""
    found = invent_entries(Random(8), 4 * SEGMENT + 20)
    write_log(database, found)
    seal(database, store, (0, 2))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REMPART_SEGMENTS", str(tmp_path / "segments"))
    return found


@pytest.fixture
def inquiry(database: Database, entries) -> int:
    """An inquiry about one person that two people agreed to."""
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)"
            " VALUES (%s, '9900000001', 'A', '2020-01-01')",
            [INSURER],
        )
        for actor in (1, 2):
            tx.execute(
                "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
                " VALUES (%s, 'agent', 'A', %s)",
                [actor, bytes([actor]) * 32],
            )
        tx.execute(
            "INSERT INTO accounts.inquiry (inquiry_ref, insurer_id, person_refs, purpose, reason,"
            " asked_by, state, decided_by, decided_at)"
            " VALUES (%s, %s, %s, 'complaint', 'x', 1, 'approved', 2, clock_timestamp())",
            [INQUIRY, INSURER, [PERSON]],
        )
    return INQUIRY


def ask(*arguments: str, **options) -> Result:
    return CliRunner().invoke(cli, ["ledger", *arguments, *PERIOD], **options)


def read_acts(database: Database) -> list[tuple[int, LedgerRead]]:
    """The questions on record: the person each is about, and what it states."""
    with database.transaction("auditor") as tx:
        rows = tx.execute(
            "SELECT e.person_ref, s.kind, s.body FROM ledger.statement AS s"
            " JOIN ledger.entry AS e USING (log_id, idx) ORDER BY s.idx"
        ).fetchall()
    return [(person, parse_statement(Statement(kind, body))) for person, kind, body in rows]


def test_who_saw_a_person_is_answered_across_the_database_and_the_files(database, entries, inquiry):
    result = ask("who-saw", "--inquiry", str(inquiry), "--format", "csv")
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(result.stdout), delimiter=";"))
    seen = [Seen(*(int(row[name]) for name in Seen._fields)) for row in rows]
    assert seen == brute_force.who_saw(entries, [PERSON], **WINDOW)
    assert "looked at 2023-11-14 22:00:00 UTC to 2023-11-14 23:00:00 UTC" in result.stderr


def test_the_question_is_on_record_about_that_person_before_it_is_answered(
    database, entries, inquiry
):
    ask("who-saw", "--inquiry", str(inquiry), "--person", str(PERSON))
    [(person, act)] = read_acts(database)
    assert person == PERSON
    assert (act.question, act.purpose, act.inquiry_ref) == ("who-saw", "complaint", INQUIRY)
    assert (act.from_ms, act.to_ms) == tuple(WINDOW.values())


def test_what_cannot_be_recorded_is_not_answered(database, entries, inquiry):
    with database.transaction("owner") as tx:
        tx.execute("REVOKE INSERT ON ledger.statement FROM rempart_recorder")
    for result in (
        ask("who-saw", "--inquiry", str(inquiry)),
        ask("seen-by", "--account", "1001", "--reason", "essai"),
    ):
        assert result.exit_code == 2
        assert "[ledger_unavailable]" in result.stderr
        assert result.stdout == ""


def test_mutation_an_answer_without_its_act_would_be_noticed(
    database, entries, inquiry, monkeypatch
):
    monkeypatch.setattr(ask_ledger, "record_acts", lambda *_, **__: [])
    assert ask("who-saw", "--inquiry", str(inquiry)).exit_code == 0
    assert read_acts(database) == []


@pytest.mark.parametrize(
    "change",
    [
        "state = 'asked', decided_by = NULL",
        "state = 'refused'",
        "decided_at = clock_timestamp() - interval '8 days'",
        "person_refs = '{8}'",
        "person_refs = '{}'",
    ],
)
def test_a_named_person_needs_an_inquiry_that_two_people_agreed_to(
    database, entries, inquiry, change
):
    with database.transaction("owner") as tx:
        tx.execute(f"UPDATE accounts.inquiry SET {change}")
    result = ask("who-saw", "--inquiry", str(inquiry), "--person", str(PERSON))
    assert result.exit_code == 2
    assert "[not_allowed]" in result.stderr
    assert result.stdout == ""
    assert read_acts(database) == []


def test_without_an_inquiry_there_is_no_question(entries):
    assert ask("who-saw", "--person", "7").exit_code == 2


IDENTIFIERS = TypedIdentifiers(
    amc_number=AmcNumber("9900000001"),
    insured_nir=make_synthetic_nir(sex=2, year=1980, month=1, serial=5),
    birth_date=BirthDate.parse("19800101"),
    birth_rank=BirthRank.parse("1"),
)


def type_them(identifiers: TypedIdentifiers) -> str:
    nir = identifiers.insured_nir
    return f"9900000001\n{nir.number}{nir.key:02d}\n19800101\n1\n"


@pytest.mark.parametrize("table", ["rights.lookup", "identity.person_key"])
def test_typed_identifiers_lead_to_the_person_former_keys_included(
    database, entries, inquiry, home: Home, table
):
    key = UUID(bytes=compute_lookup_key(home.key("lookup"), IDENTIFIERS))
    with database.transaction("owner") as tx:
        tx.execute(
            f"INSERT INTO {table} VALUES (%s, %s{', 1' if 'person_key' in table else ''})",
            [key, PERSON],
        )
    result = ask("who-saw", "--typed", "--inquiry", "77", input=type_them(IDENTIFIERS))
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) > 1
    assert IDENTIFIERS.insured_nir.number not in result.output


def test_identifiers_of_nobody_are_refused_like_somebody_elses(database, entries, inquiry, home):
    nobody = ask("who-saw", "--typed", "--inquiry", "77", input=type_them(IDENTIFIERS))
    key = UUID(bytes=compute_lookup_key(home.key("lookup"), IDENTIFIERS))
    with database.transaction("owner") as tx:
        tx.execute("INSERT INTO rights.lookup VALUES (%s, 9)", [key])
    somebody_else = ask("who-saw", "--typed", "--inquiry", "77", input=type_them(IDENTIFIERS))
    assert nobody.exit_code == somebody_else.exit_code == 2
    assert nobody.output == somebody_else.output


def test_json_says_what_is_missing(database, entries, inquiry, store):
    with database.transaction("owner") as tx:
        tx.execute("UPDATE ledger.segment SET state = 'dropped' WHERE segment = 0")
    result = ask("who-saw", "--inquiry", str(inquiry), "--format", "json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    [missing] = answer["missing"]
    assert (missing["log_id"], missing["segment"], missing["place"]) == (1, 0, "dropped")
    assert "NOT LOOKED AT: log 1, segment 0, 2023-11-14 22:13:20 UTC to" in result.stderr
    assert all(one["idx"] >= SEGMENT for one in answer["entries"] if one["log_id"] == 1)


# ---- seen-by ----------------------------------------------------------------------------------


def test_whom_sessions_saw_is_written_in_every_format(database, entries, tmp_path):
    expected = brute_force.seen_by(entries, sessions=[10011, 10020], **WINDOW)
    whom = ("seen-by", "--session", "10011", "--session", "10020", "--reason", "essai")
    for form in ("csv", "parquet", "table"):
        out = tmp_path / f"answer.{form}"
        result = ask(*whom, "--format", form, "-o", str(out))
        assert result.exit_code == 0, result.output
        assert out.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(io.StringIO((tmp_path / "answer.csv").read_text()), delimiter=";"))
    assert [SeenPerson(*(int(r[name]) for name in SeenPerson._fields)) for r in rows] == expected
    table = pq.read_table(tmp_path / "answer.parquet")
    assert [SeenPerson(*row.values()) for row in table.to_pylist()] == expected
    lines = (tmp_path / "answer.table").read_text().splitlines()
    assert len(lines) == len(expected) + 1
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        *("answer.csv", "answer.parquet", "answer.table", "segments")
    ]
    acts = [act for _, act in read_acts(database)]
    assert [(act.question, act.purpose, act.about.refs) for act in acts] == [
        ("seen-by", "essai", (10011, 10020))
    ] * 3


def test_sessions_come_from_a_file_too(entries, tmp_path):
    file = tmp_path / "sessions.txt"
    file.write_text("10011\n\n10020\n")
    result = ask("seen-by", "--sessions-file", str(file), "--reason", "x", "--format", "csv")
    assert len(result.stdout.splitlines()) == 1 + len(
        brute_force.seen_by(entries, sessions=[10011, 10020], **WINDOW)
    )
    file.write_text("10011\nten\n")
    result = ask("seen-by", "--sessions-file", str(file), "--reason", "x")
    assert result.exit_code == 2
    assert "line 2" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--reason", "x"), "exactly one of the two"),
        (("--reason", "x", "--account", "1", "--session", "1"), "exactly one of the two"),
        (("--reason", " ", "--account", "1"), "say why"),
        (("--reason", "x" * 201, "--account", "1"), "say why"),
        (("--reason", "x", "--account", "1", "--format", "parquet"), "--output"),
    ],
)
def test_a_question_that_cannot_be_is_refused_and_not_recorded(database, entries, arguments, said):
    result = ask("seen-by", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert read_acts(database) == []


def test_days_are_those_of_paris(entries):
    result = CliRunner().invoke(
        cli,
        [
            *("ledger", "seen-by", "--account", "1", "--reason", "x"),
            *("--from", "2023-11-14", "--to", "2023-11-15"),
        ],
    )
    assert "2023-11-13 23:00:00 UTC to 2023-11-14 23:00:00 UTC" in result.stderr


def test_a_day_that_is_none_is_refused_with_how_to_write_one(entries):
    result = CliRunner().invoke(
        cli, ["ledger", "seen-by", "--account", "1", "--reason", "x", "--from", "hier", *PERIOD[2:]]
    )
    assert result.exit_code == 2
    assert "such as 2024-01-29" in result.stderr


def test_a_file_that_cannot_be_read_leaves_the_answer_that_was_there(entries, tmp_path):
    out = tmp_path / "answer.csv"
    out.write_text("the answer before")
    (tmp_path / "segments/log-1/0.by-account.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    result = ask("seen-by", "--account", "1001", "--reason", "x", "-o", str(out))
    assert result.exit_code == 2
    assert "[unavailable]" in result.stderr
    assert out.read_text() == "the answer before"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["answer.csv", "segments"]


SLOWLY = """
import sys, time
from rempart.cli import ledger_ask
write = ledger_ask._write_persons
def slowly(persons):
    for number, person in enumerate(persons):
        yield person
        if number == 3:
            print("half", flush=True)
            time.sleep(60)
ledger_ask._write_persons = lambda file, persons, form: write(file, slowly(persons), form)
from rempart.cli.main import main
main()
"""


def test_interrupted_it_leaves_no_half_answer(entries, tmp_path):
    out = tmp_path / "answer.csv"
    command = [
        *(sys.executable, "-c", SLOWLY, "ledger", "seen-by", "--account", "1001"),
        *("--reason", "x", "--format", "csv", "-o", str(out), *PERIOD),
    ]
    with subprocess.Popen(
        command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "half\n"
        assert [file.suffix for file in tmp_path.iterdir() if file.name != "segments"] == [
            ".partial"
        ]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert [file.name for file in tmp_path.iterdir()] == ["segments"]
