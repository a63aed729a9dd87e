"""An insurer's campaigns: filled in, prepared, agreed to by two, followed; nobody's name shown."""

import json
import re
from datetime import date
from io import BytesIO

import pytest
from django.test import Client
from tests.campaign_samples import Outreach, make_line, write_list
from tests.package_samples import KMS, Affair
from tests.portals import people
from tests.portals.conftest import KEY
from tests.portals.pages import read

from rempart.accounts.roles import Role
from rempart.workflows.notices import campaigns
from rempart.workflows.notices.campaign_contacts import read_given_file

FACTS = {
    "case_reference": "R-2026-001",
    "operator": "Tiers Démo",
    "starts_on": "23/11/2025",
    "ends_on": "24/11/2025",
    "discovered_on": "24/11/2025",
    "told_on": "25/11/2025",
    "next_update_on": "",
    "measures": ["accounts_blocked", "cnil_notified"],
    "is_space_open": "on",
    "prosecutor": "",
    "name": "Mutuelle Aubelune",
    "phone": "01 99 00 12 34",
    "hours_fr": "du lundi au vendredi de 9 h à 18 h",
    "hours_en": "Monday to Friday, 9 am to 6 pm",
    "dpo_email": "dpo@aubelune.invalid",
    "post_address": "1 rue de l’Exemple, 75000 Paris",
    "site": "aubelune.invalid",
    "per_hour": "500",
}


def enter(desk, org, role, name) -> Client:
    browser = Client()
    people.sign_in(browser, desk.database, people.make_agent(desk.database, org, role, name=name))
    return browser


@pytest.fixture
def mine(desk) -> people.Organisation:
    people.make_organisation(desk.database, "operator", name="Plateforme Lambda")
    return people.make_organisation(desk.database, "insurer", name="Mutuelle Aubelune")


@pytest.fixture
def outreach(desk, mine) -> Outreach:
    """An insurer told of three persons."""
    affair = Affair(desk.database)
    affair.add_key(mine.insurer_id)
    outreach = Outreach(desk.database, known=affair, insurer_id=mine.insurer_id)
    outreach.package({101: "A", 102: "B", 103: "A"})
    for person in (101, 102, 103):
        outreach.cover(person)
    return outreach


@pytest.fixture
def dpo(desk, mine) -> Client:
    return enter(desk, mine, Role.INSURER_DPO, "Chloé Mutuelle")


@pytest.fixture
def director(desk, mine) -> Client:
    return enter(desk, mine, Role.INSURER_ADMIN, "Dominique Mutuelle")


def begin(browser, outreach, **changes) -> str:
    """Fill in the facts; return the address of the campaign."""
    page = f"/campagnes/incidents/{outreach.affair.incident_id}"
    answer = browser.post(page, {**FACTS, **changes})
    assert answer.status_code == 302, read(answer)
    return answer.headers["Location"]


def prepare(browser, outreach, address) -> None:
    assert browser.post(f"{address}/geste", {"geste": "preparer"}).status_code == 302
    outreach.work(int(address.rsplit("/", 1)[1]), today=date(2026, 11, 23))


def test_what_is_known_of_the_incident_is_filled_in(dpo, outreach):
    page = dpo.get(f"/campagnes/incidents/{outreach.affair.incident_id}")
    assert page.status_code == 200
    content = page.content.decode()
    assert 'value="23/11/2025"' in content
    assert "Mutuelle Aubelune" in content
    assert "3 personnes" in read(page)


def test_from_the_facts_to_the_second_person_s_agreement(dpo, director, outreach):
    address = begin(dpo, outreach)
    outreach.contacts([make_line(101), make_line(102, language="en"), make_line(103, email="")])
    prepare(dpo, outreach, address)
    page = read(dpo.get(address))
    assert "3 personnes, un message chacune" in page
    assert "Rien à redire" in page
    assert dpo.post(f"{address}/geste", {"geste": "proposer"}).status_code == 302
    own = dpo.post(f"{address}/accord")
    assert own.status_code == 403
    assert "Vous l’avez proposée" in read(own)
    assert "proposé par Chloé Mutuelle" in read(director.get(f"{address}/accord"))
    assert director.post(f"{address}/accord").status_code == 302
    approved = read(director.get(address))
    assert "approuvée le" in approved
    assert "À ce rythme, le dernier part le" in approved
    assert outreach.fetch("SELECT state FROM notices.campaign") == [("approved",)]
    paused = director.post(f"{address}/geste", {"geste": "pause", "reason": "Accueil débordé."})
    assert paused.status_code == 302
    assert "Accueil débordé." in read(dpo.get(address))
    assert dpo.post(f"{address}/geste", {"geste": "reprendre"}).status_code == 302
    assert dpo.post(f"{address}/geste", {"geste": "arreter", "reason": ""}).status_code == 422
    assert dpo.post(f"{address}/geste", {"geste": "arreter", "reason": "Fin."}).status_code == 302
    assert "arrêtée" in read(dpo.get("/campagnes"))


def test_messages_are_listed_by_number_and_no_page_holds_a_name(dpo, outreach):
    address = begin(dpo, outreach)
    outreach.contacts([make_line(101, family_name="Introuvable"), make_line(102)])
    prepare(dpo, outreach, address)
    pages = ("", "/messages", "/messages.csv", "/accord", "/exemple", "/exemple?n=1&langue=en")
    for page in pages:
        answer = dpo.get(f"{address}{page}")
        assert answer.status_code == 200, page
        for secret in ("Introuvable", "essai101@", "rue de l’Essai"):
            assert secret not in answer.content.decode()
    held = read(dpo.get(f"{address}/messages?etat=held"))
    assert "aucune coordonnée utilisable" in held
    number = re.search(
        r'name="numero" value="(\d+)"', dpo.get(f"{address}/messages").content.decode()
    )
    assert dpo.post(f"{address}/prevenu", {"numero": "9" * 5000}).status_code == 404
    assert dpo.post(f"{address}/prevenu", {"numero": number[1]}).status_code == 302
    assert "prévenu autrement" in read(dpo.get(f"{address}/messages?etat=dropped"))
    assert dpo.post(f"{address}/prevenu", {"numero": number[1]}).status_code == 404
    assert "3 personnes" in read(dpo.get(address))


def test_a_sample_says_the_words_in_both_languages_and_prints(dpo, outreach):
    address = begin(dpo, outreach)
    outreach.contacts([make_line(ref) for ref in (101, 102, 103)])
    prepare(dpo, outreach, address)
    french = read(dpo.get(f"{address}/exemple"))
    assert "Bonjour Camille Exemple" in french
    assert "Vous êtes concerné(e)" in french
    english = read(dpo.get(f"{address}/exemple?langue=en&presentation=large_print"))
    assert "Dear Camille Exemple" in english
    pdf = dpo.get(f"{address}/exemple?forme=pdf&presentation=plain")
    assert pdf.content.startswith(b"%PDF")
    for place in ("99", "²", "-1", "9" * 5000):
        assert dpo.get(f"{address}/exemple?n={place}").status_code == 404


def test_a_file_of_contacts_is_sealed_at_once_and_told_line_by_line(dpo, outreach, desk):
    content = write_list([make_line(101), make_line(999), make_line(102, email="pas une adresse")])
    with_file = {"file": BytesIO(content)}
    assert dpo.post("/assureur/coordonnees", with_file).status_code == 302
    [(file_ref, sealed)] = outreach.fetch("SELECT file_ref, sealed FROM notices.contact_file")
    assert b"essai101" not in bytes(sealed)
    jobs = outreach.fetch("SELECT task_name, args FROM jobs.procrastinate_jobs")
    assert ("read_contacts", {"file_ref": file_ref}) in jobs
    with desk.database.transaction("notifier") as tx:
        reading = read_given_file(tx, KMS, KEY, file_ref, today=date(2026, 11, 23))
    assert (reading.taken, reading.refused) == (2, 1)
    assert outreach.fetch("SELECT sealed, state FROM notices.contact_file") == [(None, "read")]
    page = read(dpo.get("/assureur/coordonnees"))
    assert "2 personnes, 1 lignes refusées" in page
    assert "adresse électronique inutilisable" in page
    assert "cette référence n’est dans aucun envoi" in page
    assert "pas une adresse" not in page


def test_a_file_that_is_empty_or_names_no_reference_is_refused_at_once(dpo, outreach):
    for content, words in (
        (b" \n", "vide, ou trop grand"),
        (b"nom;adresse\nDURAND;1 rue\n", "nommer une colonne « reference »"),
        (b"\xff\xfe\x00\xd8\x00\x00", "illisible"),
    ):
        answer = dpo.post("/assureur/coordonnees", {"file": BytesIO(content)})
        assert answer.status_code == 422
        assert words in read(answer), content
        assert "DURAND" not in answer.content.decode()
    assert outreach.fetch("SELECT count(*) FROM notices.contact_file") == [(0,)]


def test_a_newer_package_is_said_and_a_correction_offered(dpo, director, outreach):
    address = begin(dpo, outreach)
    outreach.contacts([make_line(ref) for ref in (101, 102, 103)])
    prepare(dpo, outreach, address)
    dpo.post(f"{address}/geste", {"geste": "proposer"})
    director.post(f"{address}/accord")
    outreach.package({101: "A", 102: "A", 103: "A"})
    page = read(dpo.get(address))
    assert "L’envoi n° 2 dit autre chose" in page
    assert "la liste a changé : une correction suivra" in page
    refused = begin_again(dpo, outreach)
    assert refused.status_code == 409
    dpo.post(f"{address}/geste", {"geste": "arreter", "reason": "La liste a changé."})
    assert "Faire une correction" in read(dpo.get(address))
    assert begin_again(dpo, outreach).status_code == 302


def begin_again(browser, outreach):
    page = f"/campagnes/incidents/{outreach.affair.incident_id}"
    return browser.post(page, FACTS)


def test_what_cannot_be_proposed_is_refused_in_words(dpo, outreach):
    address = begin(dpo, outreach)
    prepare(dpo, outreach, address)  # no contact: nobody would get anything
    refused = dpo.post(f"{address}/geste", {"geste": "proposer"})
    assert refused.status_code == 409
    assert "Refusé" in read(refused)
    assert dpo.post(f"{address}/geste", {"geste": "inconnu"}).status_code == 403


def lack(outreach, rule) -> None:
    """Have a rule broken in every text, as the words of another release could."""
    broken = {"rule": rule, "severity": "blocking", "language": "fr", "section": "", "persons": 3}
    outreach.execute(
        "UPDATE notices.campaign SET findings = findings || %s::jsonb", json.dumps([broken])
    )


def test_what_the_linter_found_is_said_with_where_and_what_to_do(dpo, outreach):
    wrong = "Parquet de Paris, article L651-12 du Code de la mutualité"
    address = begin(dpo, outreach, prosecutor=wrong)
    outreach.contacts([make_line(101), make_line(102), make_line(103, language="en")])
    prepare(dpo, outreach, address)
    page = read(dpo.get(address))
    assert "À corriger – Une référence légale qui n’est pas dans la table. La vérifier" in page
    assert "( dans « Vos droits » , fr, 2 personnes)" in page
    assert "( dans « Your rights » , en, 1 personne)" in page
    assert dpo.post(f"{address}/faits", FACTS).status_code == 302
    prepare(dpo, outreach, address)
    assert "Rien à redire" in read(dpo.get(address))


def test_a_text_that_lacks_what_the_law_asks_for_is_not_proposed(dpo, outreach):
    address = begin(dpo, outreach)
    outreach.contacts([make_line(ref) for ref in (101, 102, 103)])
    prepare(dpo, outreach, address)
    lack(outreach, "missing_measures")
    page = read(dpo.get(address))
    assert "Rien ne part" in page
    assert "Bloquant – Le texte ne dit pas ce qui a été fait. Dire ce que l’organisme" in page
    refused = dpo.post(f"{address}/geste", {"geste": "proposer"})
    assert refused.status_code == 422
    assert "Refusé" in read(refused)
    assert outreach.fetch("SELECT state FROM notices.campaign") == [("prepared",)]


def test_mutation_a_proposal_that_does_not_look_at_findings_lets_the_text_go(
    dpo, outreach, monkeypatch
):
    address = begin(dpo, outreach)
    outreach.contacts([make_line(101)])
    prepare(dpo, outreach, address)
    lack(outreach, "missing_measures")
    monkeypatch.setattr(campaigns, "_BLOCKING", "nothing is")
    assert dpo.post(f"{address}/geste", {"geste": "proposer"}).status_code == 302
    assert outreach.fetch("SELECT state FROM notices.campaign") == [("proposed",)]


def test_facts_that_cannot_be_true_are_told_beside_the_form(dpo, outreach):
    page = f"/campagnes/incidents/{outreach.affair.incident_id}"
    answer = dpo.post(page, {**FACTS, "ends_on": "22/11/2025"})
    assert answer.status_code == 422
    assert "Dans l’ordre" in read(answer)
    assert outreach.fetch("SELECT count(*) FROM notices.campaign") == [(0,)]


def test_facts_are_changed_until_they_are_proposed(dpo, outreach):
    address = begin(dpo, outreach)
    outreach.contacts([make_line(101)])
    prepare(dpo, outreach, address)
    assert dpo.post(f"{address}/faits", {**FACTS, "operator": "Tiers Autre"}).status_code == 302
    assert "brouillon" in read(dpo.get(address))
    prepare(dpo, outreach, address)
    dpo.post(f"{address}/geste", {"geste": "proposer"})
    assert dpo.post(f"{address}/faits", FACTS).status_code == 409
    assert dpo.post(f"{address}/geste", {"geste": "rythme", "per_hour": "20"}).status_code == 302
    assert "20 messages par heure" in read(dpo.get(address))


def test_another_insurer_has_no_such_campaign(dpo, outreach, desk):
    address = begin(dpo, outreach)
    other = people.make_organisation(desk.database, "insurer", name="Mutuelle Brisemer")
    stranger = enter(desk, other, Role.INSURER_ADMIN, "Sacha Ailleurs")
    for page in ("", "/messages", "/exemple", "/accord", "/faits"):
        assert stranger.get(f"{address}{page}").status_code == 404
    assert stranger.post(f"{address}/geste", {"geste": "preparer"}).status_code == 404
    assert "Aucune campagne" in read(stranger.get("/campagnes"))
