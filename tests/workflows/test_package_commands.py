"""`rempart incident packages`, as somebody types it: from the list to what an insurer reads."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from tests.package_samples import Affair, format_private_key, make_certificate, make_rsa_key
from tests.portals import people

from rempart.cli.incident_packages import packages
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.storage.sealing import FileKms


@pytest.fixture
def affair(database, home) -> Affair:
    affair = Affair(database, kms=FileKms(home.key("master")))
    affair.add_insurer(1)
    affair.know(1, 101)
    affair.analyse([(1, 101, "A")])
    return affair


@pytest.fixture
def run(environment):
    def invoke(*arguments):
        return CliRunner(env=environment).invoke(packages, [str(one) for one in arguments])

    return invoke


@pytest.fixture
def certificate(tmp_path):
    path = tmp_path / "certificat.pem"
    path.write_bytes(make_certificate())
    return path


def test_from_the_certificate_to_the_opened_list(affair, run, certificate, tmp_path):
    incident = affair.incident_id
    waits = run("make", incident)
    assert waits.exit_code == 0, waits.output
    assert "waits for the insurer's certificate" in waits.output
    added = run("key", "add", "9000000001", certificate)
    assert added.exit_code == 0, added.output
    fingerprint = added.stdout.splitlines()[0].removeprefix("SHA-256 ")
    assert "in_force" in run("key", "list", "9000000001").stdout
    made = run("make", incident)
    assert "1 persons" in made.output, made.output
    assert "made already" in run("make", incident).output
    assert "made" in run("list", incident).stdout
    assert isinstance(run("drop", incident, tmp_path / "depot").exception, NotFound)
    affair.send(1)
    dropped = run("drop", incident, tmp_path / "depot").stdout.strip()
    affair.add_insurer(2)
    other = run("drop", incident, tmp_path / "x", "--insurer", "9000000002").exception
    assert isinstance(other, NotFound)
    assert "to these insurers" in str(other)
    again = run("drop", incident, tmp_path / "depot", "--insurer", "9000000001").stdout.strip()
    assert again == dropped
    (tmp_path / "cle.pem").write_bytes(format_private_key(make_rsa_key()))
    out = tmp_path / "ouvert"
    opened = run(
        "open", dropped, "--key", tmp_path / "cle.pem", "--vkey", run("vkey").stdout.strip(),
        "--out", out,
    )  # fmt: skip
    assert opened.exit_code == 0, opened.output
    assert "signature and digests are right" in opened.stdout
    with (out / "liste.csv").open(encoding="utf-8-sig") as stream:
        [row] = csv.DictReader(stream, delimiter=";")
    assert row["family_name"] == "ESSAI101"
    assert (out / "liste.csv").stat().st_mode & 0o077 == 0
    assert json.loads((out / "envoi-01/manifeste.json").read_text())["counts"]["A"] == 1
    assert run("key", "revoke", "9000000001", fingerprint).exit_code == 0
    assert isinstance(run("key", "revoke", "9000000001", fingerprint).exception, NotFound)


def test_a_wrong_key_file_or_host_key_is_one_clear_line(affair, run, certificate, tmp_path):
    run("key", "add", "9000000001", certificate)
    run("make", affair.incident_id)
    affair.send(1)
    dropped = run("drop", affair.incident_id, tmp_path).stdout.strip()
    (tmp_path / "autre.pem").write_bytes(format_private_key(make_rsa_key(number=1)))
    vkey = run("vkey").stdout.strip()
    arguments = ["open", dropped, "--key", tmp_path / "autre.pem", "--out", tmp_path / "x"]
    refused = run(*arguments, "--vkey", vkey)
    assert refused.exit_code == 1
    assert "not the one that the package was sealed for" in refused.output
    assert run(*arguments, "--vkey", "bonjour").exit_code == 2
    assert not (tmp_path / "x").exists()


def test_the_command_line_asks_and_a_person_at_the_console_sends(
    affair, run, certificate, database
):
    run("key", "add", "9000000001", certificate)
    run("make", affair.incident_id)
    asked = run("send", affair.incident_id)
    assert "a second person sends them" in asked.output
    alone = run("send", affair.incident_id, "--approve")
    assert isinstance(alone.exception, NotAllowed)
    assert "1 taken back" in run("send", affair.incident_id, "--take-back").output
    host = people.make_organisation(database, "operator")
    who = people.make_agent(database, host, people.Role.OPERATOR_DPO)
    with database.transaction("analyst") as tx:
        tx.execute("UPDATE incidents.package SET state = 'asked', asked_by = %s", (who.actor_ref,))
    sent = run("send", affair.incident_id, "--approve")
    assert "1 sent" in sent.output, sent.output
    [(ref,)] = affair.fetch("SELECT package_ref FROM incidents.package")
    assert "state: sent" in run("show", ref).stdout
    kinds = [kind for (kind,) in affair.fetch("SELECT kind FROM incidents.room_event")]
    assert kinds == ["package_made", "package_sent"]
    assert "withdrawn" in run("withdraw", ref, "--reason", "Erreur").output
    assert isinstance(run("withdraw", ref, "--reason", "Erreur").exception, Conflict)


def test_late_receipts_are_reminded_of_and_told_ones_are_noted(affair, run, certificate):
    run("key", "add", "9000000001", certificate)
    run("make", affair.incident_id)
    ref = affair.send(1)
    assert "0 reminded" in run("remind").output
    with affair.database.transaction("owner") as tx:
        tx.execute("ALTER TABLE incidents.package DISABLE TRIGGER USER")
        tx.execute("UPDATE incidents.package SET sent_at = sent_at - interval '13 hours'")
        tx.execute("ALTER TABLE incidents.package ENABLE TRIGGER USER")
        tx.execute(
            "INSERT INTO accounts.organisation (org_ref, kind, name, insurer_id)"
            " VALUES (77, 'insurer', 'Mutuelle 1', 1)"
        )
    assert "1 reminded" in run("remind").output
    assert "0 reminded" in run("remind").output
    assert affair.fetch("SELECT reminders FROM incidents.package") == [(1,)]
    assert affair.fetch(
        "SELECT kind, org_ref FROM accounts.security_event WHERE kind = 'package_reminded'"
    ) == [("package_reminded", 77)]
    future = run("received", ref, "--by", "au téléphone", "--at", "2090-01-01T00:00")
    assert isinstance(future.exception, InvalidRequest)
    [(at,)] = affair.fetch("SELECT sent_at + interval '1 minute' FROM incidents.package")
    told = run("received", ref, "--by", "Mme Essai, au téléphone", "--at", f"{at:%Y-%m-%dT%H:%M}")
    if told.exit_code:
        told = run(
            "received", ref, "--by", "Mme Essai, au téléphone",
            "--at", f"{at.replace(minute=(at.minute + 2) % 60):%Y-%m-%dT%H:%M}",
        )  # fmt: skip
    assert told.output == "noted\n", told.exception
    assert affair.fetch(
        "SELECT insurer_id, details->>'way' FROM incidents.room_event"
        " WHERE kind = 'package_received'"
    ) == [(1, "told")]


def test_a_bad_certificate_or_insurer_is_refused(affair, run, certificate, tmp_path):
    (tmp_path / "x.pem").write_bytes(b"bonjour")
    assert isinstance(run("key", "add", "9000000001", tmp_path / "x.pem").exception, InvalidRequest)
    assert isinstance(run("key", "add", "9000000099", certificate).exception, NotFound)
    assert run("key", "revoke", "9000000001", "zz").exit_code == 2
    assert isinstance(run("make", 999).exception, NotFound)
    run("key", "add", "9000000001", certificate)
    assert isinstance(run("key", "add", "9000000001", certificate).exception, Conflict)


def test_killed_while_it_makes_the_same_command_finishes(affair, run, certificate, environment):
    """A real process, a real kill: whole packages or none."""
    run("key", "add", "9000000001", certificate)
    affair.analyse([(1, ref, "A") for ref in range(1, 4_001)])
    command = [sys.executable, "-m", "rempart", "incident", "packages", "make"]
    process = subprocess.Popen(
        [*command, str(affair.incident_id)], env={**os.environ, **environment},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while process.poll() is None and not affair.fetch(
        "SELECT 1 FROM pg_stat_activity WHERE usename = 'rempart_feeds' AND state IS NOT NULL"
    ):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert affair.fetch("SELECT count(*) FROM incidents.package_file AS f WHERE NOT EXISTS"
                        " (SELECT FROM incidents.package AS p WHERE p.package_ref = f.package_ref"
                        " AND p.note <> '')") == [(0,)]  # fmt: skip
    done = run("make", affair.incident_id)
    assert done.exit_code == 0, done.output
    assert affair.fetch("SELECT persons_a FROM incidents.package WHERE note <> ''") == [(4_000,)]
