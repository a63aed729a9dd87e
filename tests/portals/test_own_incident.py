"""An insurer's side of an incident: its clocks, its notification, its decisions, and no other's."""

import csv
import io
import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from tests.package_samples import START_MS, Affair
from tests.portals import people, samples
from tests.portals.pages import read

from rempart.accounts.roles import Role
from rempart.storage import incident_room
from rempart.workflows.incidents.clocks import remind

SCORE = {
    "group": "Adhérents",
    "persons": "1",
    "data_class": "simple",
    "adjustments": ["controller"],
    "context_reason": "Une liste d’assurés.",
    "identification": "maximum",
    "identification_reason": "Nom, naissance et NIR.",
    "confidentiality": "full",
    "integrity": "none",
    "availability": "none",
    "malicious": "on",
    "breach_reason": "Des inconnus, exprès.",
}


def enter(desk, org, role, name) -> Client:
    browser = Client()
    people.sign_in(browser, desk.database, people.make_agent(desk.database, org, role, name=name))
    return browser


@pytest.fixture
def host(desk) -> people.Organisation:
    return people.make_organisation(desk.database, "operator", name="Plateforme Lambda")


@pytest.fixture
def mine(desk, host) -> people.Organisation:
    return people.make_organisation(desk.database, "insurer", name="Mutuelle Aubelune")


@pytest.fixture
def other(desk, host) -> people.Organisation:
    return people.make_organisation(desk.database, "insurer", name="Mutuelle Brisemer")


@pytest.fixture
def affair(desk, host, mine, other) -> Affair:
    """An incident of two insurers, sent to both; two persons of the first, five of the second."""
    affair = Affair(desk.database)
    listed = [(mine.insurer_id, 101, "A"), (mine.insurer_id, 102, "B")]
    listed += [(other.insurer_id, ref, "A") for ref in range(201, 206)]
    for org in (mine, other):
        affair.add_key(org.insurer_id)
    for insurer_id, ref, _tier in listed:
        affair.know(insurer_id, ref)
    affair.analyse(listed)
    affair.make()
    with affair.database.transaction("owner") as tx:
        tx.execute("UPDATE incidents.incident SET answered_at = clock_timestamp()")
    sender, second = (
        enter(desk, host, role, name)
        for role, name in ((Role.OPERATOR_DPO, "Ariane"), (Role.OPERATOR_SECURITY, "Boris"))
    )
    sheet = f"/console/incidents/{affair.incident_id}/envois/geste"
    assert sender.post(sheet, {"geste": "demander"}).status_code == 302
    assert second.post(sheet, {"geste": "envoyer"}).status_code == 302
    yield affair
    with affair.database.connect("admin", autocommit=True) as admin:
        admin.execute("TRUNCATE identity.person, identity.insurer_key")


@pytest.fixture
def dpo(desk, mine) -> Client:
    return enter(desk, mine, Role.INSURER_DPO, "Chloé Mutuelle")


@pytest.fixture
def stranger(desk, other) -> Client:
    return enter(desk, other, Role.INSURER_DPO, "Denis Ailleurs")


def base(affair) -> str:
    return f"/assureur/incidents/{affair.incident_id}"


def receive(affair, browser, org) -> None:
    [(ref,)] = affair.fetch(
        "SELECT package_ref FROM incidents.package WHERE insurer_id = %s", org.insurer_id
    )
    browser.post(f"/assureur/envois/{ref}/accuse", {"incident": affair.incident_id})


def write(affair, browser, act, **values):
    return browser.post(f"{base(affair)}/ecrire", {"act": act, **values})


def now() -> str:
    return f"{samples.NOW + timedelta(hours=1):%d/%m/%Y %H:%M}"


def clock(browser, affair, code) -> dict:
    whole = json.loads(browser.get(f"{base(affair)}/incident.json").content)
    [found] = [one for one in whole["clocks"] if one["clock"] == code]
    return found


def test_one_screen_shows_the_clocks_that_begin_when_the_notice_is_received(affair, dpo, mine):
    before = dpo.get(base(affair))
    assert clock(dpo, affair, "gdpr_33")["state"] == "waiting"
    receive(affair, dpo, mine)
    started = clock(dpo, affair, "gdpr_33")
    assert started["state"] == "running"
    assert started["due_at"] > started["started_at"]
    assert clock(dpo, affair, "complaint")["state"] == "running"
    assert clock(dpo, affair, "dora_initial_24h")["state"] == "running"
    assert clock(dpo, affair, "processor_notice")["state"] in {"met", "met_late"}
    words = read(dpo.get(base(affair)))
    for shown in ("Notification initiale à la CNIL", "due par l’opérateur", "chez Plateforme"):
        assert shown in words
    assert "À évaluer" in words or "à évaluer" in words
    assert "Accuser réception" in read(before)
    assert f'id="one-person" href="{base(affair)}/personne"' in before.content.decode()


def test_a_package_that_proves_nobody_starts_no_clock(affair, desk, dpo, mine):
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE incidents.package SET conclusion = 'none' WHERE insurer_id = %s",
                   [mine.insurer_id])  # fmt: skip
    receive(affair, dpo, mine)
    assert clock(dpo, affair, "gdpr_33")["state"] == "waiting"


def test_the_notification_is_filled_with_the_insurers_own_facts_and_shows_its_gaps(
    affair, dpo, mine
):
    receive(affair, dpo, mine)
    page = f"{base(affair)}/cnil?phase=initial"
    assert "manquent" in read(dpo.get(page))
    as_json = dpo.get(f"{base(affair)}/cnil/fichier?phase=initial&forme=json")
    body = json.loads(as_json.content)
    answers = {code: one["value"] for code, one in body["answers"].items()}
    assert body["controller"] == "Mutuelle Aubelune"
    assert answers["people_number"].startswith("environ 2 (au moins 1")
    assert "Avis du sous-traitant, Plateforme Lambda" in answers["circumstances"]
    assert answers["processors"] == "Plateforme Lambda"
    assert answers["told_by_processor_at"]
    assert "contact" in body["gaps"]
    assert "Brisemer" not in as_json.content.decode()
    saved = {"version": "0", "contact": "Le délégué, 1 place du Test"}
    assert dpo.post(page, saved).status_code == 302
    text = dpo.get(f"{base(affair)}/cnil/fichier?phase=initial&forme=txt").content.decode()
    assert "1 place du Test" in text
    pdf = dpo.get(f"{base(affair)}/cnil/fichier?phase=complementary&forme=pdf")
    assert pdf.content.startswith(b"%PDF")
    later = dpo.get(f"{base(affair)}/cnil/fichier?phase=complementary&forme=json")
    assert json.loads(later.content)["answers"]["contact"]["value"].startswith("Le délégué")


def test_a_later_analysis_is_not_told_before_it_is_sent(affair, dpo, mine):
    affair.analyse([(mine.insurer_id, ref, "A") for ref in range(101, 160)])
    body = json.loads(dpo.get(f"{base(affair)}/incident.json").content)
    assert (body["persons"]["lower"], body["persons"]["best"]) == (1, 2)


def test_mutation_counts_of_the_last_analysis_are_told_early(affair, desk, dpo, mine):
    with desk.database.transaction("owner") as tx:
        [(source,)] = tx.execute(
            "SELECT pg_get_functiondef('incidents.my_share(bigint)'::regprocedure)"
        ).fetchall()
        live = source.replace(
            "COALESCE(p.persons_a, 0)",
            "(SELECT count(*) FROM incidents.exposed_person AS x WHERE x.incident_id = incident"
            " AND x.insurer_id = i.insurer_id)",
        )
        assert live != source
        tx.execute(live)
    try:
        with pytest.raises(AssertionError):
            test_a_later_analysis_is_not_told_before_it_is_sent(affair, dpo, mine)
    finally:
        with desk.database.transaction("owner") as tx:
            tx.execute(source)


def test_what_was_submitted_meets_its_clock_and_is_the_evidence(affair, dpo, mine):
    receive(affair, dpo, mine)
    future = write(affair, dpo, "submission", report="cnil/initial", at="01/01/2090 10:00")
    assert future.status_code == 422
    done = write(
        *(affair, dpo, "submission"), report="cnil/initial", at=now(), reference="CNIL-26-0042"
    )
    assert done.status_code == 302
    met = clock(dpo, affair, "gdpr_33")
    assert (met["state"], met["reference"]) == ("met", "CNIL-26-0042")
    assert clock(dpo, affair, "gdpr_33_more")["state"] == "running"
    words = read(dpo.get(base(affair)))
    assert "CNIL-26-0042" in words
    assert "Chloé Mutuelle" in words


def test_the_insurers_clocks_run_on_when_the_operator_closed(affair, desk, dpo, mine):
    receive(affair, dpo, mine)
    with desk.database.transaction("owner") as tx:
        incident_room.add_event(
            tx,
            affair.incident_id,
            kind=incident_room.EventKind.CLOSED,
            happened_ms=START_MS,
            author="Ariane",
            details={"reason": "fini"},
        )
    done = write(affair, dpo, "submission", report="complaint/", at=now(), reference="PV 1")
    assert done.status_code == 302
    assert clock(dpo, affair, "complaint")["state"] == "met"
    [(received_at,)] = affair.fetch("SELECT clock_timestamp()")
    later = received_at + timedelta(hours=60)
    with desk.database.transaction("analyst") as tx, desk.database.transaction("registrar") as warn:
        told = remind(tx, warn, now=later)
    owed = {(one.row.clock.rule.code, one.row.clock.party.insurer_id) for one in told}
    assert ("gdpr_33", mine.insurer_id) in owed
    assert all(one.row.clock.rule.owed_by == "insurer" for one in told)
    assert "rappelée le" in read(dpo.get(base(affair)))


def test_severity_is_scored_with_reasons_and_people_are_told_or_not(affair, dpo, mine):
    receive(affair, dpo, mine)
    page = f"{base(affair)}/gravite"
    assert dpo.post(page, {**SCORE, "breach_reason": " "}).status_code == 422
    assert dpo.post(page, SCORE).status_code == 302
    assert "Des inconnus, exprès." in read(dpo.get(page))
    tell = {"answer": "inform", "ground": "", "reason": "Usurpation possible."}
    assert dpo.post(f"{base(affair)}/risque", tell).status_code == 302
    assert clock(dpo, affair, "gdpr_34")["state"] == "running"
    words = read(dpo.get(base(affair)))
    assert "élevée" in words
    assert "informer chaque personne" in words


def test_not_notifying_is_a_decision_with_its_reason(affair, dpo, mine):
    receive(affair, dpo, mine)
    assert write(affair, dpo, "duty", duty="cnil_not_required", reason=" ").status_code == 422
    done = write(affair, dpo, "duty", duty="cnil_not_required", reason="Données déjà publiques.")
    assert done.status_code == 302
    assert clock(dpo, affair, "gdpr_33")["state"] == "not_applicable"
    assert "Données déjà publiques." in read(dpo.get(base(affair)))


def test_knowing_earlier_starts_the_clocks_earlier_and_is_said_once(affair, dpo, mine):
    receive(affair, dpo, mine)
    known = f"{samples.NOW - timedelta(hours=9):%d/%m/%Y %H:%M}"
    assert write(affair, dpo, "aware", words="Un courriel.", at=known).status_code == 302
    assert clock(dpo, affair, "gdpr_33")["started_at"] < f"{samples.NOW:%Y-%m-%dT%H:%M}"
    assert write(affair, dpo, "aware", words="Encore.", at=known).status_code == 409


def test_a_clock_is_taken_and_an_optional_one_is_said_to_be_owed(affair, dpo, mine):
    receive(affair, dpo, mine)
    dpo.post(f"{base(affair)}/echeance", {"code": "gdpr_33", "prendre": "1"})
    assert clock(dpo, affair, "gdpr_33")["owner"] == "Chloé Mutuelle"
    assert clock(dpo, affair, "acpr")["state"] == "not_applicable"
    said = write(affair, dpo, "trait", held="oui", trait="informs_acpr", reason="Usage.")
    assert said.status_code == 302
    assert clock(dpo, affair, "acpr")["state"] == "running"


def test_notes_tasks_and_decisions_are_the_insurers_alone(affair, desk, host, dpo, stranger):
    assert write(affair, dpo, "note", kind="decision", words="On écrit.").status_code == 422
    assert write(affair, dpo, "note", kind="task", words="Appeler.").status_code == 422
    written = [
        {"kind": "note", "words": "Vu avec la direction."},
        {"kind": "decision", "words": "On écrit à tous.", "reason": "Le NIR est sorti."},
        {"kind": "task", "words": "Appeler le courtier", "owner": "Relations"},
    ]
    for one in written:
        assert write(affair, dpo, "note", **one).status_code == 302
    [(ref,)] = affair.fetch("SELECT note_ref FROM incidents.insurer_note WHERE kind = 'task'")
    dpo.post(f"/assureur/taches/{ref}/faite", {"proof": "Compte rendu\x00du 23."})
    words = read(dpo.get(base(affair)))
    assert all(one["words"] in words for one in written)
    assert "Compte rendu du 23." in words
    agent = enter(desk, host, Role.OPERATOR_DPO, "Ariane Hôte")
    for page in (f"/console/incidents/{affair.incident_id}/salle",
                 f"/console/incidents/{affair.incident_id}/autorites"):  # fmt: skip
        assert "On écrit à tous." not in read(agent.get(page))
    assert "On écrit à tous." not in read(stranger.get(base(affair)))


def test_the_register_has_the_insurers_lines_and_no_other(affair, dpo, stranger, mine, other):
    for browser, org in ((dpo, mine), (stranger, other)):
        receive(affair, browser, org)
    assert "Mutuelle Aubelune" in read(dpo.get("/assureur/violations"))
    body = json.loads(dpo.get("/assureur/violations.json").content)
    assert [line["controller"] for line in body["lines"]] == ["Mutuelle Aubelune"]
    text = dpo.get("/assureur/violations.csv").content.decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(text), delimiter=";"))) == 2


def test_what_the_operator_filed_for_insurers_is_in_their_registers(
    affair, desk, dpo, stranger, mine, other
):
    for browser, org in ((dpo, mine), (stranger, other)):
        receive(affair, browser, org)
    filed = {"report": "cnil", "phase": "initial", "reference": "CNIL-ZQX"}
    with desk.database.transaction("owner") as tx:
        for more in ({"insurers": [mine.insurer_id]}, {}):
            incident_room.add_event(
                tx,
                affair.incident_id,
                kind=incident_room.EventKind.REPORT_SUBMITTED,
                happened_ms=START_MS,
                author="Ariane",
                details={**filed, **more},
            )
    assert clock(dpo, affair, "gdpr_33")["state"] == "met"
    assert clock(stranger, affair, "gdpr_33")["state"] == "running"
    notified = [
        json.loads(browser.get("/assureur/violations.json").content)["lines"][0]["notified_at"]
        for browser in (dpo, stranger)
    ]
    assert [bool(one) for one in notified] == [True, False]
    assert "Ariane" not in dpo.get(f"{base(affair)}/incident.json").content.decode()


def test_what_one_insurer_does_is_nobody_elses(affair, dpo, stranger, mine, other):
    for browser, org in ((dpo, mine), (stranger, other)):
        receive(affair, browser, org)
    write(affair, dpo, "submission", report="cnil/initial", at=now(), reference="CNIL-ZQX")
    write(affair, dpo, "duty", duty="cnil_complete", reason="Raison ZQX.")
    dpo.post(f"{base(affair)}/gravite", {**SCORE, "group": "Groupe ZQX"})
    dpo.post(f"{base(affair)}/cnil?phase=initial", {"version": "0", "contact": "Contact ZQX"})
    pages = ("", "/incident.json", "/cnil?phase=initial", "/gravite", "/echeances.ics",
             "/cnil/fichier?phase=initial&forme=json")  # fmt: skip
    for page in pages:
        shown = stranger.get(base(affair) + page).content.decode()
        assert not re.search("ZQX|Aubelune|Chloé", shown), page
    assert clock(stranger, affair, "gdpr_33")["state"] == "running"


def test_whoever_was_told_nothing_finds_nothing(affair, desk):
    third = people.make_organisation(desk.database, "insurer", name="Mutuelle Cendrine")
    nobody = enter(desk, third, Role.INSURER_DPO, "Émile Tiers")
    for page in ("", "/incident.json", "/cnil", "/cnil/fichier", "/gravite", "/echeances.ics"):
        assert nobody.get(base(affair) + page).status_code == 404, page
    assert write(affair, nobody, "note", kind="note", words="Bonjour").status_code == 404
    assert nobody.post(f"{base(affair)}/echeance", {"code": "gdpr_33"}).status_code == 404
    assert "Aucune violation" in read(nobody.get("/assureur/violations"))
