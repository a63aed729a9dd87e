"""The console tells professionals what was theirs: filled in, prepared, agreed to by two agents."""

from datetime import date

import pytest
from tests.campaign_samples import ToProfessionals
from tests.portals import people
from tests.portals.test_campaigns import FACTS, enter, read

from rempart.accounts.roles import Role
from rempart.disclosure.fields import Field
from rempart.portals import navigation

LOGIN = Field.PROFESSIONAL_NAME | Field.PROFESSIONAL_LOGIN
BANK = LOGIN | Field.PROFESSIONAL_BANK_DETAILS


@pytest.fixture
def host(desk) -> people.Organisation:
    return people.make_organisation(desk.database, "operator", name="Plateforme Lambda")


@pytest.fixture
def told(desk, host) -> ToProfessionals:
    told = ToProfessionals(desk.database)
    told.add(901, "Alice Introuvable", email="alice@pharmacie.invalid")
    told.add(902, "Bruno Introuvable", letter="2 rue du Port, 35400 SAINT-MALO")
    told.list({901: ("A", BANK), 902: ("B", LOGIN)})
    return told


def begin(browser, told) -> str:
    page = f"/campagnes/incidents/{told.affair.incident_id}"
    answer = browser.post(page, {**FACTS, "name": "Plateforme Lambda"})
    assert answer.status_code == 302, read(answer)
    return answer.headers["Location"]


def prepare(browser, told, address) -> None:
    assert browser.post(f"{address}/geste", {"geste": "preparer"}).status_code == 302
    told.work(int(address.rsplit("/", 1)[1]), today=date(2026, 11, 23))


def test_two_agents_of_the_operator_tell_professionals(desk, host, told):
    dpo = enter(desk, host, Role.OPERATOR_DPO, "Chloé Plateforme")
    director = enter(desk, host, Role.OPERATOR_ADMIN, "Dominique Plateforme")
    incident = dpo.get(f"/console/incidents/{told.affair.incident_id}")
    page = f"/campagnes/incidents/{told.affair.incident_id}"
    assert page in incident.content.decode()
    empty = dpo.get(page)
    assert "d’après l’analyse n° 1 : 2 professionnels" in read(empty)
    assert empty.content.decode().count('value="Plateforme Lambda"') == 2
    address = begin(dpo, told)
    prepare(dpo, told, address)
    shown = read(dpo.get(address))
    assert "aux professionnels, d’après l’analyse n° 1" in shown
    assert "2 personnes, un message chacune" in shown
    assert "Rien à redire" in shown
    assert "coordonnées bancaires du professionnel" in shown
    assert "Coordonnées données" not in shown
    assert "Il a lu leurs comptes" in read(dpo.get(f"{address}/exemple"))
    assert dpo.post(f"{address}/geste", {"geste": "proposer"}).status_code == 302
    assert dpo.post(f"{address}/accord").status_code == 403
    assert director.post(f"{address}/accord").status_code == 302
    assert told.fetch("SELECT state FROM notices.campaign") == [("approved",)]
    pages = ("", "/messages", "/messages.csv", "/accord", "/exemple", "/lettres", "/lettres.csv")
    for one in pages:
        answer = director.get(f"{address}{one}")
        assert answer.status_code == 200, one
        assert "Introuvable" not in answer.content.decode()
    assert "d’après l’analyse n° 1" in read(director.get("/campagnes"))
    told.list({901: ("B", BANK), 902: ("B", LOGIN)})
    assert "L’analyse n° 2 a été faite depuis" in read(director.get(address))
    stopped = director.post(f"{address}/geste", {"geste": "arreter", "reason": "Autre analyse."})
    assert stopped.status_code == 302
    assert "Faire une correction" in read(director.get(address))


def test_nobody_else_sees_them(desk, host, told):
    dpo = enter(desk, host, Role.OPERATOR_DPO, "Chloé Plateforme")
    address = begin(dpo, told)
    insurer = people.make_organisation(desk.database, "insurer", name="Mutuelle Aubelune")
    hosted = people.make_organisation(
        desk.database, "operator", name="Tiers Hébergé", hosted_by=host.org_ref
    )
    strangers = (
        (enter(desk, insurer, Role.INSURER_DPO, "Sacha Mutuelle"), 404),
        (enter(desk, hosted, Role.OPERATOR_DPO, "Sacha Ailleurs"), 404),
        (enter(desk, host, Role.OPERATOR_SECURITY, "Sacha Garde"), 403),
    )
    for browser, refusal in strangers:
        for page in (address, f"{address}/messages", f"{address}/accord", f"{address}/exemple"):
            assert browser.get(page).status_code == refusal, page
        refused = browser.post(f"{address}/geste", {"geste": "preparer"})
        assert refused.status_code == refusal
        incident = f"/campagnes/incidents/{told.affair.incident_id}"
        assert browser.post(incident, FACTS).status_code == refusal
    assert dpo.get("/assureur/coordonnees").status_code == 404
    assert told.fetch("SELECT state FROM notices.campaign") == [("draft",)]


def test_mutation_a_policy_that_forgets_whose_they_are_shows_them_to_insurers(desk, host, told):
    address = begin(enter(desk, host, Role.OPERATOR_DPO, "Chloé Plateforme"), told)
    insurer = people.make_organisation(desk.database, "insurer", name="Mutuelle Aubelune")
    stranger = enter(desk, insurer, Role.INSURER_DPO, "Sacha Mutuelle")
    own = "insurer_id = (SELECT accounts.tells_for())"
    try:
        open_policies(desk, "true")
        assert "aux professionnels" in read(stranger.get(address))
    finally:
        open_policies(desk, own)
    assert stranger.get(address).status_code == 404


def open_policies(desk, using: str) -> None:
    with desk.database.transaction("owner") as tx:
        for table in ("campaign", "message"):
            tx.execute(f"ALTER POLICY seen ON notices.{table} USING ({using})")


def test_campaigns_stand_in_the_navigation_of_who_has_some(desk, host, told):
    hosted = people.make_organisation(
        desk.database, "operator", name="Tiers Hébergé", hosted_by=host.org_ref
    )
    own = enter(desk, host, Role.OPERATOR_DPO, "Chloé Plateforme")
    other = enter(desk, hosted, Role.OPERATOR_DPO, "Sacha Ailleurs")
    [entry] = [one for one in navigation.ENTRIES if one.route == "own-campaigns"]
    assert entry.of_the_host
    assert 'href="/campagnes"' in own.get("/campagnes").content.decode()
    assert 'href="/campagnes"' not in other.get("/mon-compte").content.decode()
