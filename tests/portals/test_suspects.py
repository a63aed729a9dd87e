"""« Soupçons » and « Vol établi »: accounts named later, doubts, and a theft from the queue."""

import pytest
from django.test import Client
from tests.portals import people, samples
from tests.portals.pages import read

from rempart.accounts.roles import Role


@pytest.fixture
def incident(desk) -> int:
    with desk.database.transaction("owner") as tx:
        return samples.add_incident(tx, title="Un soupçon", exercise=False)


@pytest.fixture
def agent(desk) -> Client:
    host = people.make_organisation(desk.database, "operator")
    who = people.make_agent(desk.database, host, Role.OPERATOR_SECURITY, name="Ariane Hôte")
    browser = Client()
    people.sign_in(browser, desk.database, who)
    return browser


@pytest.fixture
def pharmacy(desk) -> people.Somebody:
    place = people.make_organisation(desk.database, "establishment")
    return people.make_agent(desk.database, place, Role.HOLDER, name="Officine")


def fetch(desk, query, *values):
    with desk.database.transaction("owner") as tx:
        return tx.execute(query, values).fetchall()


def test_an_account_is_named_after_the_declaration_with_a_reason(desk, agent, incident, pharmacy):
    page = f"/console/incidents/{incident}/soupcons"
    without = agent.post(page, {"accounts": str(pharmacy.actor_ref), "reason": " "})
    assert without.status_code == 422
    given = {"accounts": str(pharmacy.actor_ref), "reason": "Le titulaire a appelé."}
    assert agent.post(page, given).status_code == 302
    assert "désigné" in read(agent.get(page))
    assert "Le titulaire a appelé." in read(agent.get(f"/console/incidents/{incident}/salle"))
    assert agent.post(page, given).status_code == 409


def test_a_doubt_says_that_it_confirms_nobody(agent, desk, incident):
    page = f"/console/incidents/{incident}/soupcons"
    wrong = agent.post(page, {"kind": "address", "value": "chez lui", "reason": "Vu."})
    assert wrong.status_code == 422
    given = {"kind": "address", "value": "198.19.0.9", "reason": "Trois comptes de là."}
    assert agent.post(page, given).status_code == 302
    words = read(agent.get(page))
    assert "Une adresse réseau : 198.19.0.9" in words
    assert "personne n’est confirmé" in words
    unknown = agent.post(page, {"kind": "software", "value": "inconnu", "reason": "Vu."})
    assert unknown.status_code in {409, 422}


def test_a_theft_from_the_queue_becomes_an_incident_or_joins_one(desk, agent, incident, pharmacy):
    page = f"/console/garde/comptes/{pharmacy.actor_ref}/vol"
    assert "Un soupçon" in read(agent.get(page))
    given = {"title": "Compte volé", "since": "22/11/2026 08:00", "words": "Il était en congé."}
    assert agent.post(page, {**given, "words": " "}).status_code == 422
    done = agent.post(page, {**given, "incident": ""})
    assert done.status_code == 302
    joined = agent.post(page, {**given, "incident": str(incident)})
    assert joined.headers["Location"] == f"/console/incidents/{incident}/salle"
    rows = fetch(desk, "SELECT how FROM incidents.suspect_account WHERE account_ref = %s",
                 pharmacy.actor_ref)  # fmt: skip
    assert rows == [("stolen",), ("stolen",)]
    words = read(agent.get(done.headers["Location"]))
    assert "vol établi" in words
    assert "Il était en congé." in words
    again = agent.post(page, {**given, "incident": str(incident)})
    assert again.status_code == 409


def test_a_professional_of_no_host_names_nobody(desk, incident, pharmacy):
    browser = Client()
    people.sign_in(browser, desk.database, pharmacy)
    assert browser.get(f"/console/incidents/{incident}/soupcons").status_code == 403
    assert browser.get(f"/console/garde/comptes/{pharmacy.actor_ref}/vol").status_code == 403
