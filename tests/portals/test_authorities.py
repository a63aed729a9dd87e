"""What authorities are given, as the operator prepares it, and what is recorded once submitted."""

import csv
import io
import json
import re
import zipfile
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest
from tests.portals import people, samples
from tests.portals.pages import open_browser, read

from rempart.accounts.roles import Role
from rempart.disclosure.fields import EIGHT_FIELDS_OF_2024
from rempart.exchange.complaint import check_bundle
from rempart.exchange.dora_report import validate_report
from rempart.incidents.cnil_form import ANSWER_LIMIT
from rempart.incidents.room import EventKind
from rempart.storage.incident_room import add_event, list_events

LEI = "969500ABCDEFGHIJKL12"
SCORE = {
    "party": "1",
    "group": "Assurés dont le NIR a été montré",
    "persons": "3",
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
KNOWN = {"supports_critical": "oui", "malicious_access": "oui", "may_lose_data": "oui"}


@pytest.fixture
def incident(desk) -> int:
    """An incident of two insurers, that the operator knows to be a breach; not an exercise."""
    samples.add_insurers(desk.database, ["Aubelune", "Brisemer"])
    instant = int((samples.NOW - timedelta(hours=3)).timestamp() * 1000)
    with desk.database.transaction("owner") as tx:
        number = samples.add_incident(tx, title="Comptes détournés", exercise=False)
        for person in (1, 2, 3):
            samples.add_exposed(tx, number, 1, person, sessions=(71,))
        samples.add_exposed(tx, number, 2, 4, tier="B", sessions=(71,))
        tx.execute("UPDATE incidents.exposed_person SET fields = %s", [int(EIGHT_FIELDS_OF_2024)])
        for kind, insurer_id in ((EventKind.AWARENESS, None), (EventKind.PACKAGE_RECEIVED, 1)):
            add_event(
                tx, number, kind=kind, happened_ms=instant, author="Agente", insurer_id=insurer_id
            )
    return number


@pytest.fixture
def security(desk):
    """A browser of somebody of security at the host operator, who just confirmed who they are."""
    host = people.make_organisation(desk.database, "operator")
    return open_browser(desk, people.make_agent(desk.database, host, Role.OPERATOR_SECURITY))


def post(browser, page, values, action=None):
    """Send a form with the token of its page."""
    shown = browser.get(page)
    [token, *_] = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', shown.content.decode())
    return browser.post(action or page, {**values, "csrfmiddlewaretoken": token})


def read_values(answer) -> dict[str, str]:
    """Return what a page's text fields hold."""
    page = answer.content.decode()
    found = dict(re.findall(r'<input type="text" name="(\w+)" value="([^"]*)"', page))
    areas = re.findall(r'<textarea name="(\w+)"[^>]*>\s*(.*?)</textarea>', page, flags=re.DOTALL)
    return {name: unescape(value) for name, value in [*found.items(), *areas]}


def events(desk, number, kind):
    with desk.database.transaction("owner") as tx:
        return [event for event in list_events(tx, number) if event.kind is kind]


def base(number) -> str:
    return f"/console/incidents/{number}/autorites"


def test_the_page_says_for_each_controller_how_many_and_what_is_left(security, incident):
    words = read(security.get(base(incident)))
    assert "Aubelune 3 nom, prénom" in words
    assert "Brisemer environ 1 (au moins 0, au plus 1)" in words
    assert "à évaluer" in words


def test_a_score_needs_a_reason_for_each_factor_and_keeps_its_author(desk, security, incident):
    page = f"{base(incident)}/gravite"
    without = {**SCORE, "breach_reason": " "}
    assert post(security, page, without).status_code == 422
    assert post(security, page, SCORE).status_code == 302
    words = read(security.get(page))
    assert "élevée (3)" in words.replace("3,00", "3")
    assert "Des inconnus, exprès." in words
    [event] = events(desk, incident, EventKind.SEVERITY_SCORED)
    assert event.details["band"] == "high"
    assert event.author in words


def test_the_page_proposes_factors_from_the_fields(security, incident):
    page = security.get(f"{base(incident)}/gravite?partie=1").content.decode()
    assert '<option value="maximum" selected>' in page


def test_telling_people_waits_for_a_score_and_an_argument(desk, security, incident):
    page, action = f"{base(incident)}/gravite", f"{base(incident)}/risque"
    silent = {"party": "1", "answer": "not_needed", "ground": "no_high_risk", "reason": "Peu."}
    assert post(security, page, silent, action).status_code == 422
    post(security, page, SCORE)
    assert post(security, page, silent, action).status_code == 422
    tell = {"party": "1", "answer": "inform", "ground": "", "reason": "Usurpation possible."}
    assert post(security, page, tell, action).status_code == 302
    [event] = events(desk, incident, EventKind.DECISION)
    assert (event.details["decision"], event.details["answer"]) == ("art34", "inform")
    assert "risque élevé : informer chaque personne" in read(security.get(base(incident)))


def test_the_notification_is_filled_and_a_version_is_kept(desk, security, incident):
    page = f"{base(incident)}/cnil?partie=1&phase=initial"
    values = read_values(security.get(page))
    assert values["people_number"] == "3"
    saved = {**values, "contact": "Le délégué, 1 place du Test", "version": "0"}
    assert post(security, page, saved).status_code == 302
    again = security.get(page)
    assert read_values(again)["contact"] == "Le délégué, 1 place du Test"
    assert "version 1" in read(again)
    body = json.loads(
        security.get(f"{base(incident)}/cnil/fichier?partie=1&phase=initial&forme=json").content
    )
    assert body["answers"]["contact"]["from"] == "written"
    assert body["answers"]["people_number"]["from"] == "fact"
    [event] = events(desk, incident, EventKind.REPORT_MADE)
    assert event.details == {"report": "cnil", "phase": "initial", "version": 1}


def test_a_notification_may_be_as_long_as_its_fields_allow(security, incident):
    page = f"{base(incident)}/cnil?partie=1&phase=initial"
    form = security.get(page).content.decode()
    long = re.findall(r'<textarea name="([^"]+)"', form)
    assert len(long) > 10
    said = dict.fromkeys(long, "é" * ANSWER_LIMIT)
    body = urlencode({**read_values(security.get(page)), **said, "version": "0"})
    answer = security.post(page, body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 302
    assert read_values(security.get(page))[long[0]] == said[long[0]]


def test_two_people_who_save_the_same_version_are_told(security, incident):
    page = f"{base(incident)}/cnil?partie=1&phase=initial"
    first = {"contact": "A", "version": "0"}
    assert post(security, page, first).status_code == 302
    assert post(security, page, {"contact": "B", "version": "1"}).status_code == 302
    for version in ("1", "9" * 19, "9" * 5000):
        assert post(security, page, {"contact": "C", "version": version}).status_code == 409


def test_a_number_that_grows_reaches_a_notification_saved_before(desk, security, incident):
    page = f"{base(incident)}/cnil?partie=1&phase=initial"
    post(security, page, {**read_values(security.get(page)), "version": "0"})
    with desk.database.transaction("owner") as tx:
        samples.add_exposed(tx, incident, 1, 9, sessions=(71,))
    assert read_values(security.get(page))["people_number"] == "4"


@pytest.mark.parametrize(("form", "kind"), [("pdf", "application/pdf"), ("txt", "text/plain")])
def test_a_notification_leaves_as_a_file(security, incident, form, kind):
    answer = security.get(f"{base(incident)}/cnil/fichier?partie=operateur&forme={form}")
    assert answer.headers["Content-Type"].startswith(kind)


def test_an_insurer_that_is_not_concerned_has_no_notification(security, incident):
    assert security.get(f"{base(incident)}/cnil?partie=99").status_code == 404


def test_dora_is_classified_then_reported_for_several_insurers(desk, security, incident):
    page = f"{base(incident)}/dora?phase=initial&partie=1&partie=2"
    assert "Classez d’abord" in read(security.get(page))
    assert post(security, page, {**KNOWN, "classer": "1"}).status_code == 302
    words = read(security.get(page))
    assert "majeur" in words
    assert "Le schéma refuse encore" in words
    file = f"{base(incident)}/dora/fichier?phase=initial&partie=1&partie=2"
    assert security.get(file).status_code == 404
    answers = {
        "contact_email": "crise@operateur.invalid",
        "submitter_lei": LEI,
        "entity_lei:1": LEI,
    }
    assert post(security, page, {**answers, "enregistrer": "1"}).status_code == 302
    body = json.loads(security.get(file).content)
    assert validate_report(body) == []
    assert [one["name"] for one in body["affectedEntity"]] == ["Aubelune", "Brisemer"]
    assert "1.6 : pas de LEI pour Brisemer" in read(security.get(page))
    [event] = events(desk, incident, EventKind.CLASSIFIED)
    assert (event.details["major"], event.details["insurers"]) == (True, [1, 2])


def test_a_submission_is_written_by_a_person_and_meets_its_clock(desk, security, incident):
    at = (samples.NOW - timedelta(hours=1)).strftime("%d/%m/%Y %H:%M")
    form = {"report": "cnil/initial", "party": "1", "at": at, "reference": "CNIL-42"}
    for odd in ("01/01/0001 00:00", "22/11/0026 03:00"):
        slip = post(security, base(incident), form | {"at": odd}, f"{base(incident)}/depot")
        assert slip.status_code == 422
        assert "un moment qui existe" in read(slip)
    answer = post(security, base(incident), form, f"{base(incident)}/depot")
    assert answer.status_code == 302
    [event] = events(desk, incident, EventKind.REPORT_SUBMITTED)
    assert event.details["reference"] == "CNIL-42"
    done = security.get(f"/console/incidents/{incident}/echeances.csv?etat=faites")
    rows = list(csv.DictReader(io.StringIO(done.content.decode("utf-8-sig")), delimiter=";"))
    assert [(row["échéance"], row["pour"]) for row in rows] == [
        ("Notification initiale à la CNIL", "Aubelune")
    ]


def test_what_has_not_happened_is_not_a_submission(desk, security, incident):
    at = (samples.NOW + timedelta(days=2)).strftime("%d/%m/%Y %H:%M")
    form = {"report": "cnil/initial", "party": "1", "at": at, "reference": ""}
    answer = post(security, base(incident), form, f"{base(incident)}/depot")
    assert answer.status_code == 422
    assert events(desk, incident, EventKind.REPORT_SUBMITTED) == []


def test_a_complaint_is_filled_and_its_bundle_holds_together(security, incident):
    page = f"{base(incident)}/dossiers?pour=complaint"
    assert post(security, page, {"name": "Opérateur Exemple SA"}).status_code == 302
    content = security.get(f"{base(incident)}/dossiers/fichier?pour=complaint").content
    assert check_bundle(content) == []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert "Opérateur Exemple SA" in archive.read("plainte.txt").decode()


@pytest.mark.parametrize("kind", ["acpr", "anssi", "ciso-assistant", "iris", "iris-timeline"])
def test_every_paper_leaves(security, incident, kind):
    answer = security.get(f"{base(incident)}/dossiers/fichier?pour={kind}")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]


def test_a_paper_that_does_not_exist_is_not_found(security, incident):
    assert security.get(f"{base(incident)}/dossiers/fichier?pour=x").status_code == 404
    assert security.get(f"{base(incident)}/dossiers?pour=x").status_code == 404
    assert security.get(f"{base(incident)}/dora?phase=x").status_code == 404


def test_the_register_has_a_line_for_each_insurer(security, incident):
    assert "Aubelune" in read(security.get("/console/violations"))
    rows = list(
        csv.DictReader(
            io.StringIO(security.get("/console/violations.csv").content.decode("utf-8-sig")),
            delimiter=";",
        )
    )
    assert sorted(row["responsable"] for row in rows) == ["Aubelune", "Brisemer"]
    assert len(json.loads(security.get("/console/violations.json").content)["lines"]) == 2


def test_an_exercise_marks_its_pages_and_its_files(desk, security):
    samples.add_insurers(desk.database, ["Aubelune"])
    with desk.database.transaction("owner") as tx:
        number = samples.add_incident(tx, exercise=True)
        samples.add_exposed(tx, number, 1, 1, sessions=(71,))
    assert "EXERCICE" in read(security.get(base(number)))
    answer = security.get(f"{base(number)}/cnil/fichier?partie=1&forme=txt")
    assert "EXERCICE-" in answer.headers["Content-Disposition"]
    assert answer.content.decode().startswith("EXERCICE")


def test_who_reads_only_prepares_nothing(desk, incident):
    host = people.make_organisation(desk.database, "operator")
    ops = open_browser(desk, people.make_agent(desk.database, host, Role.OPERATOR_OPS))
    assert ops.get(base(incident)).status_code == 200
    for page in ("cnil?partie=1", "dora", "gravite", "dossiers?pour=acpr"):
        assert ops.get(f"{base(incident)}/{page}").status_code == 403
