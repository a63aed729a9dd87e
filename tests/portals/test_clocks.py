"""What is due after an incident, as the operator reads it: what is late, for whom, who does it."""

import csv
import io
import re
from datetime import timedelta

import pytest
from tests.portals import people, samples
from tests.portals.pages import open_browser, read

from rempart.accounts.roles import Role
from rempart.incidents.room import EventKind
from rempart.storage.incident_room import add_event


def add(desk, number, kind, hours_ago, insurer_id=None, **details):
    """Write an event of some hours ago."""
    instant = samples.NOW - timedelta(hours=hours_ago)
    with desk.database.transaction("owner") as tx:
        add_event(
            tx,
            number,
            kind=kind,
            happened_ms=int(instant.timestamp() * 1000),
            author="Une agente",
            insurer_id=insurer_id,
            details=details,
        )


@pytest.fixture
def incident(desk) -> int:
    """An incident of two insurers; the first was told eighty hours ago, the second just now."""
    samples.add_insurers(desk.database, ["Aubelune", "Brisemer"])
    with desk.database.transaction("owner") as tx:
        number = samples.add_incident(tx, report={})
        samples.add_exposed(tx, number, 1, 1, sessions=(71,))
        samples.add_exposed(tx, number, 2, 2, sessions=(71,))
    add(desk, number, EventKind.AWARENESS, 90)
    add(desk, number, EventKind.PACKAGE_RECEIVED, 80, 1)
    add(desk, number, EventKind.PACKAGE_RECEIVED, 1, 2)
    return number


@pytest.fixture
def security(desk):
    """A browser of somebody of security at the host operator."""
    host = people.make_organisation(desk.database, "operator")
    return open_browser(desk, people.make_agent(desk.database, host, Role.OPERATOR_SECURITY))


def read_csv(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))


def token_of(answer) -> str:
    [found, *_] = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.content.decode())
    return found


def test_the_screen_of_every_incident_shows_what_is_late_first(security, incident):
    words = read(security.get("/console/echeances"))
    assert words.index("En retard") < words.index("En cours")
    assert "Notification initiale à la CNIL" in words
    assert "en retard de 8 h" in words
    assert "reste 2 jours 23 h" in words


def test_each_insurer_has_its_own_clock_from_the_hour_it_was_told(security, incident):
    rows = read_csv(security.get(f"/console/incidents/{incident}/echeances.csv?etat=toutes"))
    by_party = {
        row["pour"]: row["état"]
        for row in rows
        if row["échéance"] == "Notification initiale à la CNIL"
    }
    assert by_party == {"Aubelune": "En retard", "Brisemer": "En cours"}


def test_a_submission_meets_the_clock(desk, security, incident):
    submitted = {"report": "cnil", "phase": "initial", "reference": "CNIL-1"}
    add(desk, incident, EventKind.REPORT_SUBMITTED, 10, 1, **submitted)
    rows = read_csv(security.get(f"/console/incidents/{incident}/echeances.csv?etat=faites"))
    assert [row["échéance"] for row in rows] == ["Notification initiale à la CNIL"]
    assert "CNIL-1" in read(security.get(f"/console/incidents/{incident}/echeances?etat=faites"))


def test_somebody_takes_a_clock_on_and_gives_it_back(security, incident):
    page = f"/console/incidents/{incident}/echeances"
    form = {"code": "gdpr_33", "party": "1", "csrfmiddlewaretoken": token_of(security.get(page))}
    assert security.post(f"{page}/attribuer", {**form, "prendre": "1"}).status_code == 302
    mine = read_csv(security.get(f"{page}.csv?moi=1"))
    assert [(row["échéance"], row["pour"]) for row in mine] == [
        ("Notification initiale à la CNIL", "Aubelune")
    ]
    assert security.post(f"{page}/attribuer", {**form, "rendre": "1"}).status_code == 302
    assert read_csv(security.get(f"{page}.csv?moi=1")) == []


def test_a_clock_that_does_not_exist_is_given_to_nobody(security, incident):
    page = f"/console/incidents/{incident}/echeances"
    form = {"code": "no_such", "party": "1", "csrfmiddlewaretoken": token_of(security.get(page))}
    assert security.post(f"{page}/attribuer", {**form, "prendre": "1"}).status_code == 404


def test_what_a_party_is_said_to_be_decides_what_it_owes(security, incident):
    page = f"/console/incidents/{incident}/echeances"
    token = token_of(security.get(page))
    said = {
        "party": "1",
        "trait": "financial_entity",
        "held": "non",
        "reason": "Mutuelle substituée.",
        "csrfmiddlewaretoken": token,
    }
    assert security.post(f"{page}/qualite", {**said, "reason": ""}).status_code == 422
    assert security.post(f"{page}/qualite", said).status_code == 302
    rows = read_csv(security.get(f"{page}.csv?etat=toutes"))
    dora = {row["pour"]: row["état"] for row in rows if "24 heures" in row["échéance"]}
    assert dora == {"Aubelune": "Sans objet", "Brisemer": "En cours"}
    assert "Mutuelle substituée." in read(security.get(page))


def test_the_limits_go_into_a_diary(security, incident):
    answer = security.get(f"/console/incidents/{incident}/echeances.ics")
    text = answer.content.decode()
    assert answer.headers["Content-Type"].startswith("text/calendar")
    assert f"UID:{incident}-gdpr_33-1@rempart" in text
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert text.count("BEGIN:VEVENT") == text.count("END:VEVENT") > 4


def test_nothing_rings_for_what_is_not_owed(desk, security, incident):
    waived = {"decision": "cnil_not_required", "reason": "Aucun risque."}
    add(desk, incident, EventKind.DECISION, 1, 1, **waived)
    text = security.get(f"/console/incidents/{incident}/echeances.ics").content.decode()
    events = text.split("BEGIN:VEVENT")
    [mine] = [one for one in events if f"UID:{incident}-gdpr_33-1@rempart" in one]
    [other] = [one for one in events if f"UID:{incident}-gdpr_33-2@rempart" in one]
    assert ("VALARM" in mine, "VALARM" in other) == (False, True)


def test_a_page_that_refreshes_itself_gets_its_table_only(security, incident):
    answer = security.get("/console/echeances", headers={"HX-Request": "true"})
    assert answer.content.decode().lstrip().startswith('<div id="clocks"')


def test_an_exercise_says_so_in_its_files(desk, security):
    samples.add_insurers(desk.database, ["Aubelune"])
    with desk.database.transaction("owner") as tx:
        number = samples.add_incident(tx, report={})
    answer = security.get(f"/console/incidents/{number}/echeances.csv")
    assert "EXERCICE-" in answer.headers["Content-Disposition"]


def test_an_exercise_drowns_no_real_incident(desk, security, incident):
    with desk.database.transaction("owner") as tx:
        real = samples.add_incident(tx, title="Vol de novembre", report={}, exercise=False)
        samples.add_exposed(tx, real, 1, 9, sessions=(71,))
    add(desk, real, EventKind.AWARENESS, 90)
    add(desk, real, EventKind.PACKAGE_RECEIVED, 80, 1)
    words = read(security.get("/console/echeances"))
    assert words.index("Vol de novembre") < words.index("Rejeu de janvier 2024")
    assert "viennent après" in words
    rows = read_csv(security.get("/console/echeances.csv?etat=retard"))
    late = sum(row["titre"] == "Vol de novembre" for row in rows)
    assert 0 < late < len(rows)
    assert f"{late} en retard, " in words
    assert f"{late} échéances d’incident passées" in read(security.get("/console"))


def test_a_clock_that_has_not_begun_says_what_begins_it(security, incident):
    words = read(security.get(f"/console/incidents/{incident}/echeances"))
    assert "commencera avec : " in words


def test_an_insurer_does_not_see_the_operators_screen(desk, incident):
    insurer = people.make_organisation(desk.database, "insurer")
    dpo = open_browser(desk, people.make_agent(desk.database, insurer, Role.INSURER_DPO))
    assert dpo.get("/console/echeances").status_code == 403
