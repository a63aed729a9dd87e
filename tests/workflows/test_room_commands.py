"""`rempart incident`: the room and the holds of evidence, as somebody types them at night."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import jsonschema
import psycopg.errors
import pytest
from click.testing import CliRunner

from rempart.cli.main import cli
from rempart.incidents.evidence import Window
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.workflows.incidents.declare_incident import declare_incident

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "incident-room.schema.json"
BY = ("--by", "Alice Garde")


@pytest.fixture
def run(environment):
    return lambda *arguments: CliRunner(env=environment).invoke(cli, ["incident", *arguments])


@pytest.fixture
def number(database) -> str:
    with database.transaction("analyst") as tx:
        window = Window(starts_ms=1_600_000_000_000, ends_ms=1_600_000_060_000)
        return str(declare_incident(tx, title="Essai", window=window))


def read_room(run, number):
    return json.loads(run("room", number, "--json").stdout)


def test_notes_and_decisions_are_written_and_read_back(run, number):
    assert run("note", number, "Rappelé le cabinet").exit_code == 0
    decided = run("decide", number, "On coupe", "--reason", "Trop", "--instead-of", "Attendre", *BY)
    assert decided.exit_code == 0, decided.output
    aware = run("aware", number, "Des fiches ont été lues", "--at", "2020-09-13T14:00", *BY)
    assert aware.exit_code == 0, aware.output
    shown = run("room", number).stdout
    assert "Rappelé le cabinet" in shown
    assert "Alice Garde" in shown
    kinds = [line["kind"] for line in read_room(run, number)["timeline"]]
    assert {"note", "decision", "awareness"} < set(kinds)
    assert isinstance(run("aware", number, "Encore", *BY).exception, Conflict)


def test_an_hour_written_wrong_is_corrected_and_limits_move(run, number):
    run("aware", number, "Des fiches ont été lues", "--at", "2020-09-13T14:00", *BY)

    def find(kind):
        return [one for one in read_room(run, number)["timeline"] if one["kind"] == kind]

    def read_limit():
        rows = json.loads(run("clocks", number, "--json").stdout)
        return {one["clock"]: one["due"] for one in rows}["complaint_operator"]

    [first] = find("awareness")
    late = read_limit()
    again = ("correct", number, str(first["event"]), "--at", "2020-09-13T11:00", *BY)
    assert isinstance(run(*again, "--reason", " ").exception, InvalidRequest)
    done = run(*again, "--reason", "Le courriel est de onze heures.")
    assert done.exit_code == 0, done.output
    assert datetime.fromisoformat(late) - datetime.fromisoformat(read_limit()) == timedelta(hours=3)
    assert isinstance(run(*again, "--reason", "Encore.").exception, Conflict)
    assert len(find("awareness")) == 2
    [declared] = find("declared")
    wrong = ("correct", number, str(declared["event"]), "--at", "2020-09-13T11:00", *BY)
    assert isinstance(run(*wrong, "--reason", "Non.").exception, InvalidRequest)
    nowhere = ("correct", number, "999999", "--at", "2020-09-13T11:00", *BY)
    assert isinstance(run(*nowhere, "--reason", "Non.").exception, NotFound)


def test_what_has_not_happened_yet_is_not_a_line(run, number):
    refused = run("note", number, "Demain", "--at", "2199-01-01")
    assert isinstance(refused.exception, InvalidRequest)


def test_the_json_of_a_room_is_what_its_page_documents(run, number):
    run("note", number, "Rappelé")
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(read_room(run, number))


def test_mutation_a_field_that_nobody_documented_is_noticed(run, number):
    schema = json.loads(SCHEMA.read_text())
    found = read_room(run, number)
    found["timeline"][0]["person"] = 7
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(found)


def test_a_hold_is_placed_widened_listed_and_released_with_a_name_and_a_reason(run, number):
    window = ("--from", "2020-01-01", "--to", "2020-02-01")
    placed = run("hold", "--kind", "judicial", *window, "--reason", "PV 2026/17", *BY)
    assert placed.exit_code == 0, placed.output
    held = json.loads(run("holds", "--json").stdout)["evidence"]
    assert [(one["kind"], one["in_force"]) for one in held] == [
        ("judicial", True),
        ("incident", True),
    ]
    hold = str(held[0]["hold"])
    more = run("extend-hold", hold, "--from", "2020-01-01", "--to", "2020-03-01", *BY)
    assert "2020-03-01" in more.stdout
    unnamed = run("release-hold", hold, "--reason", "jugé", "--yes")
    assert unnamed.exit_code == 2
    assert "Missing option '--by'" in unnamed.output
    assert run("release-hold", hold, "--reason", "jugé", "--yes", *BY).exit_code == 0
    past = json.loads(run("holds", "--all", "--json").stdout)["evidence"]
    assert past[0]["released_by"] == "Alice Garde"
    assert "judicial" in run("holds", "--all").stdout
    assert "judicial" not in run("holds").stdout
    again = run("release-hold", hold, "--reason", "jugé", "--yes", *BY)
    assert isinstance(again.exception, Conflict)
    assert isinstance(run("release-hold", "99", "--reason", "x", "--yes", *BY).exception, NotFound)


def test_displays_held_for_a_judge_are_listed_beside_evidence(run, number, database):
    with database.transaction("owner") as tx:
        for actor_ref in (5, 6):
            tx.execute(
                "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
                " VALUES (%s, 'agent', 'Ariane', %s)",
                (actor_ref, bytes([actor_ref]) * 32),
            )
        tx.execute(
            "INSERT INTO accounts.display_hold (hold_ref, authority, reference, account_refs,"
            " from_ms, to_ms, ends_at, asked_by, state, decided_by, decided_at) VALUES"
            " (77, 'Tribunal de Caen', 'PV 1', '{1}', 0, 1, now() + interval '30 days', 5,"
            " 'approved', 6, now())"
        )
    [shown] = json.loads(run("holds", "--json").stdout)["displays"]
    assert (shown["hold"], shown["authority"]) == ("77", "Tribunal de Caen")
    assert "Tribunal de Caen" in run("holds").stdout


def test_a_closed_incident_takes_nothing_from_the_command_line_either(run, number):
    assert run("close", number, "--reason", "Fausse alerte", *BY).exit_code == 0
    assert isinstance(run("note", number, "Encore").exception, Conflict)
    assert read_room(run, number)["incident"]["closed"]
    assert run("reopen", number, "--reason", "Un appel", *BY).exit_code == 0
    assert run("note", number, "Encore").exit_code == 0


def test_an_exercise_stays_one_and_what_is_real_stays_real(database):
    window = Window(starts_ms=1, ends_ms=2)
    for exercise in (True, False):
        with database.transaction("analyst") as tx:
            number = declare_incident(tx, title="Essai", window=window, exercise=exercise)
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="stays"),
            database.transaction("analyst") as tx,
        ):
            tx.execute(
                "UPDATE incidents.incident SET exercise = NOT exercise WHERE incident_id = %s",
                [number],
            )


def test_suspicions_are_added_at_the_command_line_with_a_name_and_a_reason(run, number, tmp_path):
    why = ("--reason", "Trois titulaires ont appelé", *BY)
    added = run("suspect", number, "--address", "198.51.100.7", *why)
    assert added.exit_code == 0, added.output
    assert "0 accounts and 1 doubts added" in added.output
    assert isinstance(run("suspect", number, "--address", "chez eux", *why).exception,
                      InvalidRequest)  # fmt: skip
    wrong = tmp_path / "stolen.csv"
    wrong.write_text("rpps\n10003456O82\n")
    listed = run("suspect", number, "--accounts", str(wrong), *why)
    assert isinstance(listed.exception, InvalidRequest)
    assert "line 2" in listed.stderr
    kinds = [line["kind"] for line in read_room(run, number)["timeline"]]
    assert kinds.count("suspects_added") == 1
    assert isinstance(run("analyse", number).exception, Conflict)
