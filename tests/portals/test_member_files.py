"""Files of members: opened by exact identifiers, one at a time, on record, by this session only."""

import json
import re

import pytest
from django.test import Client
from tests.portals import people
from tests.portals.bench import make_client
from tests.portals.insurer_samples import CONTRACT, add_member, name_contract
from tests.portals.pages import change
from tests.portals.test_payers import add_claim, read

from rempart.accounts.roles import Role

PAGE = "/assureur/adherents"


@pytest.fixture(autouse=True)
def agent(desk, browser, manager) -> Client:
    people.sign_in(browser, desk.database, manager)
    return browser


def list_acts(desk) -> list[tuple]:
    """Return (question, motive, person) of what is on record, oldest first."""
    with desk.database.transaction("owner") as tx:
        rows = tx.execute(
            "SELECT s.body, e.person_ref, e.insurer_id FROM ledger.entry AS e"
            " JOIN ledger.statement AS s USING (log_id, idx) ORDER BY e.idx"
        ).fetchall()
    read = [(json.loads(body), *rest) for body, *rest in rows]
    return [(body["question"], body["purpose"], person) for body, person, _insurer in read]


def test_a_member_is_found_by_exact_identifiers_and_the_file_names_nobody(
    desk, agent, press, insurer
):
    who = add_member(desk, insurer)
    place = people.make_organisation(desk.database, "establishment", name="Cabinet des Lilas")
    add_claim(
        desk,
        insurer_id=insurer.insurer_id,
        person_ref=who.person_ref,
        place=place.establishment_ref,
    )
    opened = press(PAGE, who.typed)
    assert opened.status_code == 302
    assert list_acts(desk) == [("member-file", "service", who.person_ref)]
    answer = agent.get(opened.headers["Location"])
    page = read(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Droits ouverts" in page
    assert "appel ou demande de l’adhérent" in page
    assert "Cabinet des Lilas" in page
    assert "100 %" in page
    shown = answer.content.decode() + opened.headers["Location"]
    for secret in (who.nir.number, str(who.person_ref), CONTRACT, "1984"):
        assert secret not in shown
    assert list_acts(desk)[1:] == [("member-file", "service", who.person_ref)]
    assert str(name_contract(insurer, CONTRACT)) not in shown


def test_somebody_who_left_is_a_former_member_and_a_stranger_is_nobody(desk, press, insurer):
    former = add_member(desk, insurer, 2, left=True)
    opened = press(PAGE, former.typed)
    assert opened.status_code == 302
    stranger = {**former.typed, "saisie-birth_rank": "2"}
    nobody = press(PAGE, stranger)
    assert nobody.status_code == 200
    assert "Aucun adhérent ni ancien adhérent" in read(nobody)
    assert former.nir.number not in nobody.content.decode(), "what was typed is not shown again"
    assert list_acts(desk)[-1] == ("member-file", "service", 0), "the question is on record"


def test_a_member_of_another_insurer_and_a_planted_person_look_like_a_stranger(
    desk, press, insurer
):
    other = people.make_organisation(desk.database, "insurer", name="Autre mutuelle")
    pages = set()
    for who in (add_member(desk, other, 3), add_member(desk, insurer, 4, planted=True)):
        answer = press(PAGE, who.typed)
        assert answer.status_code == 200
        pages.add(re.sub(r'value="[^"]+"|\d+ demande\w*', "", answer.content.decode()))
    assert len(pages) == 1
    assert {person for _, _, person in list_acts(desk)} == {0}


def test_a_file_is_this_session_s_for_half_an_hour(desk, agent, press, insurer, manager):
    who = add_member(desk, insurer)
    page = press(PAGE, who.typed).headers["Location"]
    assert agent.get(page).status_code == 200
    other_browser = make_client()
    people.sign_in(other_browser, desk.database, manager)
    assert other_browser.get(page).status_code == 404, "another session of the same agent"
    change(desk, "UPDATE rights.member_file SET opened_at = opened_at - interval '31 minutes'")
    assert agent.get(page).status_code == 404


def test_mutation_a_file_read_by_whoever_knows_its_number_would_open(desk, agent, press, insurer):
    page = press(PAGE, add_member(desk, insurer).typed).headers["Location"]
    change(desk, "UPDATE rights.member_file SET session_ref = session_ref + 1")
    assert agent.get(page).status_code == 404
    change(desk, "UPDATE rights.member_file SET session_ref = session_ref - 1")
    assert agent.get(page).status_code == 200


def test_a_family_s_contract_opens_each_of_its_people_on_record(desk, agent, press, insurer):
    pair = [
        add_member(desk, insurer, 1),
        add_member(desk, insurer, 2, contract="C-9", other_contract=CONTRACT),
    ]
    sent = {"act": "contrat", "contrat-contract_number": CONTRACT, "contrat-motive": "claim"}
    opened = press(PAGE, sent)
    page = read(agent.get(opened.headers["Location"]))
    assert "Personnes couvertes 2" in page
    assert "Personne 1" in page
    persons = {person for question, _, person in list_acts(desk) if question == "contract-file"}
    assert persons == {one.person_ref for one in pair}
    inside = press(opened.headers["Location"], action=opened.headers["Location"] + "/personnes/2")
    assert inside.status_code == 302
    assert inside.headers["Location"].startswith(PAGE)
    assert list_acts(desk)[-1][0] == "member-file"
    nobody = press(opened.headers["Location"], action=opened.headers["Location"] + "/personnes/3")
    assert nobody.status_code == 404


def test_a_collective_contract_says_how_many_people_it_covers_and_no_more(
    desk, agent, press, insurer
):
    for order in range(1, 14):
        add_member(desk, insurer, order, contract="ENTREPRISE-7")
    sent = {"act": "contrat", "contrat-contract_number": "ENTREPRISE-7", "contrat-motive": "claim"}
    opened = press(PAGE, sent).headers["Location"]
    page = read(agent.get(opened))
    assert "Personnes couvertes 13" in page
    assert "un contrat collectif" in page
    assert "Personne 1" not in page
    assert {person for _, _, person in list_acts(desk)} == {0}
    assert press(PAGE, {**sent, "contrat-contract_number": "entreprise-7"}).status_code == 200


def test_the_day_s_files_are_counted_and_the_insurer_s_own_number_is_obeyed(desk, press, insurer):
    change(
        desk,
        "INSERT INTO rights.insurer_limit (limit_ref, insurer_id, required, known_faces,"
        " files_per_day, reason, set_by) VALUES (1, %s, false, true, 2, 'essai', 1)",
        insurer.insurer_id,
    )
    who = add_member(desk, insurer)
    assert press(PAGE, {**who.typed, "saisie-birth_rank": "3"}).status_code == 200
    assert press(PAGE, who.typed).status_code == 302
    spent = press(PAGE, who.typed)
    assert spent.status_code == 409
    assert "rien n’a été cherché" in read(spent)
    assert len(list_acts(desk)) == 2, "nothing was looked for, so nothing is on record"


def test_bad_identifiers_are_told_and_nothing_is_looked_for(desk, press, insurer):
    bad = (
        {**add_member(desk, insurer).typed, "saisie-insured_nir": "123"},
        {"act": "contrat", "contrat-contract_number": "a b", "contrat-motive": "claim"},
        {"act": "carte", "carte-card_code": "Robert'); DROP", "carte-motive": "claim"},
    )
    assert [press(PAGE, sent).status_code for sent in bad] == [422, 422, 422]
    assert list_acts(desk) == []


def test_whoever_answers_for_members_sees_how_many_files_each_agent_opened(
    desk, press, insurer, browser
):
    press(PAGE, add_member(desk, insurer).typed)
    assert "Demandes du jour, par agent" not in read(browser.get(PAGE))
    dpo = people.make_agent(desk.database, insurer, Role.INSURER_DPO, name="Dominique DPO")
    other = make_client()
    people.sign_in(other, desk.database, dpo)
    assert "Demandes du jour, par agent" in read(other.get(PAGE))


def test_the_member_reads_who_opened_their_file_and_why(desk, press, insurer):
    who = add_member(desk, insurer)
    press(PAGE, who.typed)
    member = people.make_member(desk.database, insurer)
    change(
        desk,
        "UPDATE accounts.member SET person_ref = %s WHERE actor_ref = %s",
        *(who.person_ref, member.actor_ref),
    )
    mine = make_client()
    people.sign_in(mine, desk.database, member)
    page = read(mine.get("/adherent/consultations"))
    assert "Mutuelle d'essai" in page
    assert "lecture de votre dossier : appel ou demande de l’adhérent" in page
