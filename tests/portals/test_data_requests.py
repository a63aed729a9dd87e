"""A member asks something of their data; their insurer answers within the month, and no other."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from tests.portals import people, samples

from rempart.accounts.roles import Role
from rempart.portals.retention_wording import FIELDS
from rempart.retention.fields import Field
from rempart.retention.requests import plan_erasure
from rempart.retention.schedule import DEFAULT
from rempart.storage import leaving
from rempart.workflows.members.data_requests import plan_requested

MINE, THEIRS = "/adherent/demandes", "/assureur/demandes"
FILE = 77


def text(answer) -> str:
    return unescape(answer.content.decode())


def run(desk, statement: str, *values):
    with desk.database.transaction("owner") as tx:
        cursor = tx.execute(statement, values)
        return cursor.fetchall() if cursor.description else None


@pytest.fixture
def insurer(desk) -> people.Organisation:
    return people.make_organisation(desk.database, "insurer", name="Mutuelle Un")


def browse(desk, who) -> Client:
    browser = Client()
    people.sign_in(browser, desk.database, who)
    return browser


@pytest.fixture
def member(desk, insurer):
    return people.make_member(desk.database, insurer)


@pytest.fixture
def person(desk, insurer, member) -> int:
    """The member's reference, of whom there is an identity and a sheet that ended long ago."""
    [(ref,)] = run(
        desk, "SELECT person_ref FROM accounts.member WHERE actor_ref = %s", member.actor_ref
    )
    run(
        desk,
        "INSERT INTO identity.person (person_ref, insurer_id, sealed, digest, lookup_keys,"
        " changed_in) VALUES (%s, %s, 'x', %s, '{}', 1)",
        *(ref, insurer.insurer_id, bytes(16)),
    )
    run(
        desk,
        "INSERT INTO rights.past_coverage (person_ref, opened_in, insurer_id, contract_ref,"
        " starts_on, ends_on, suspended_from, suspended_to, terms_id) VALUES (%s, 1, %s, '{5}',"
        " '{2020-01-01}', %s, '{infinity}', '{infinity}', '{1}')",
        *(ref, insurer.insurer_id, [samples.NOW.date() - timedelta(days=200)]),
    )
    return ref


@pytest.fixture
def dpo(desk, insurer) -> Client:
    return browse(desk, people.make_agent(desk.database, insurer, Role.INSURER_DPO, name="Dpo"))


def ask(browser, kind: str, details: str = "") -> None:
    answer = browser.post(f"{MINE}/nouvelle", {"kind": kind, "details": details})
    assert answer.status_code == 302, text(answer)


def find_request(desk) -> str:
    [(ref,)] = run(desk, "SELECT request_ref FROM retention.request")
    return f"{THEIRS}/{ref}"


def test_an_erasure_goes_as_far_as_the_law_allows_and_says_what_it_keeps(desk, member, person, dpo):
    browser = browse(desk, member)
    ask(browser, "erasure", "Je suis partie.")
    assert "Réponse au plus tard le" in text(browser.get(MINE))
    page = find_request(desk)
    assert "faire effacer" in text(dpo.get(THEIRS))
    shown = text(dpo.get(page))
    assert "Je suis partie." in shown
    assert "possible" in shown  # contact data: no contract runs any more
    assert "L221-11" in shown
    assert str(person) not in shown
    answer = {"words": "Vos coordonnées partent ; le reste est gardé deux ans.", "accept": "1"}
    assert dpo.post(page, answer).status_code == 302
    assert "Vos coordonnées partent" in text(browser.get(MINE))
    [(name, arguments)] = run(desk, "SELECT task_name, args FROM jobs.procrastinate_jobs")
    assert name == "plan_erasure"
    with desk.database.transaction("keeper") as tx:
        run_id = plan_requested(tx, arguments["request_ref"], samples.NOW.date())
    fields = run(desk, "SELECT field, step, rule FROM retention.item WHERE run_id = %s", run_id)
    assert fields == [("contact", "delete", "requested")]
    assert dpo.post(page, answer).status_code == 409


def test_what_a_page_says_may_go_is_what_is_planned_whatever_holds_or_interrupts(
    desk, insurer, member, person, dpo
):
    ended = samples.NOW.date() - timedelta(days=2_500)
    run(desk, "UPDATE rights.past_coverage SET ends_on = ARRAY[%s::date]", ended)
    ask(browse(desk, member), "erasure")
    page = find_request(desk)

    def compare() -> set[Field]:
        shown = re.findall(r'<th scope="row">(.*?)</th>.*?(possible|gardé)', text(dpo.get(page)))
        with desk.database.transaction("keeper") as tx:
            [known] = leaving.make_person_subjects(tx, leaving.read_people(tx, [person]))
        planned = plan_erasure(DEFAULT, known, on=samples.NOW.date())
        may_go = {item.field for item in planned if not item.held_by}
        assert {name for name, word in shown if word == "possible"} == {
            str(FIELDS[field]) for field in may_go
        }
        return may_go

    everything = compare()
    run(
        desk,
        "INSERT INTO retention.data_hold (hold_ref, kind, insurer_id, person_ref, fields, reason)"
        " VALUES (31, 'dispute', %s, %s, '{civil}', 'litige')",
        *(insurer.insurer_id, person),
    )
    assert compare() == everything - {Field.CIVIL}
    run(
        desk,
        "INSERT INTO retention.event (insurer_id, person_ref, kind, starts_on, reason)"
        " VALUES (%s, %s, 'suspension', %s, 'procès')",
        *(insurer.insurer_id, person, ended),
    )
    assert compare() == {Field.CONTACT}


def test_a_restriction_holds_everything_from_then_on(desk, member, person, dpo):
    ask(browse(desk, member), "restriction")
    page = find_request(desk)
    assert dpo.post(page, {"words": "C’est fait.", "accept": "1"}).status_code == 302
    held = run(desk, "SELECT kind, person_refs, released_at FROM retention.data_hold")
    assert held == [("restriction", [person], None)]
    assert "gardées et ne servent plus" in text(browse(desk, member).get("/adherent/mes-donnees"))


def test_a_rectification_says_what_is_wrong(desk, member, dpo):
    browser = browse(desk, member)
    answer = browser.post(f"{MINE}/nouvelle", {"kind": "rectification", "details": " "})
    assert answer.status_code == 422
    assert "ce qui est juste" in text(answer)
    ask(browser, "rectification", "Né en mai, pas en mars.")
    refused = {"words": "Votre caisse doit d’abord le corriger.", "refuse": "1"}
    assert dpo.post(find_request(desk), {"words": ""}).status_code == 422
    assert dpo.post(find_request(desk), refused).status_code == 302
    assert "saisir la CNIL" in text(browser.get(MINE))


def test_it_takes_longer_only_when_the_person_was_told_within_the_month(desk, member, dpo):
    ask(browse(desk, member), "access")
    page = find_request(desk)
    told = {"words": "Les archives sont ailleurs.", "extend": "1"}
    run(desk, "UPDATE retention.request SET received_on = received_on - 40")
    assert "en retard" in text(dpo.get(page))
    assert "Prolonger" not in text(dpo.get(page))
    assert dpo.post(page, told).status_code == 409
    run(desk, "UPDATE retention.request SET received_on = received_on + 20")
    assert dpo.post(page, told).status_code == 302
    shown = text(dpo.get(page))
    assert "Les archives sont ailleurs." in shown
    assert "en retard" not in shown
    assert "Les archives" not in dpo.get(f"{THEIRS}.csv").content.decode()


def test_the_most_pressing_comes_first_and_those_answered_last(desk, member, dpo):
    browser = browse(desk, member)
    for kind, days in (("access", 3), ("restriction", 40), ("erasure", 20)):
        ask(browser, kind)
        run(
            desk,
            "UPDATE retention.request SET received_on = received_on - %s WHERE kind = %s",
            *(days, kind),
        )
    [(ref,)] = run(desk, "SELECT request_ref FROM retention.request WHERE kind = 'erasure'")
    refused = {"words": "Votre contrat court encore.", "refuse": "1"}
    assert dpo.post(f"{THEIRS}/{ref}", refused).status_code == 302
    shown = text(dpo.get(THEIRS))
    table = shown[shown.index("<tbody>") :]
    places = [table.index(words) for words in ("limiter", "accès", "effacer")]
    assert places == sorted(places)
    assert "1 demande attend au-delà de son délai" in shown
    assert "<strong>2</strong> demandes à répondre" in shown


def test_nobody_else_answers_and_nobody_else_reads(desk, insurer, member, dpo):
    ask(browse(desk, member), "access", "Mon mot.")
    page = find_request(desk)
    other = people.make_organisation(desk.database, "insurer", name="Mutuelle Deux")
    stranger = browse(desk, people.make_agent(desk.database, other, Role.INSURER_DPO))
    assert stranger.get(page).status_code == 404
    assert stranger.post(page, {"words": "x", "accept": "1"}).status_code == 404
    assert "Aucune demande" in text(stranger.get(THEIRS))
    manager = browse(desk, people.make_agent(desk.database, insurer, Role.INSURER_MANAGER))
    assert manager.get(page).status_code == 403
    neighbour = browse(desk, people.make_member(desk.database, insurer, name="Autre"))
    assert "Mon mot." not in text(neighbour.get(MINE))
    assert "Vous n’avez rien demandé" in text(neighbour.get(MINE))


def test_a_letter_is_written_down_from_the_file_and_its_month_counts_from_the_day_it_came(
    desk, insurer, person, dpo
):
    agent = people.make_agent(desk.database, insurer, Role.INSURER_MANAGER, name="Gestion")
    page = f"/assureur/dossiers/{FILE}/demande"
    run(
        desk,
        "INSERT INTO rights.member_file (file_ref, insurer_id, person_ref, motive, actor_ref,"
        " session_ref) SELECT %s, %s, %s, 'access', s.actor_ref, s.session_ref"
        " FROM accounts.session AS s",
        *(FILE, insurer.insurer_id, person),
    )
    letter = {"kind": "access", "details": "", "received_on": "01/11/2026"}
    late = {**letter, "received_on": "01/11/2025"}
    assert dpo.post(page, {**letter, "received_on": "32/11/2026"}).status_code == 422
    assert dpo.post(page, late).status_code == 422
    assert dpo.post(page, {**letter, "received_on": "01/01/2027"}).status_code == 422
    assert dpo.post(page, {**letter, "kind": "rectification"}).status_code == 422
    assert run(desk, "SELECT 1 FROM retention.request") == []
    assert dpo.post(page, letter).status_code == 302
    shown = text(dpo.get(find_request(desk)))
    assert "1 décembre 2026" in shown
    assert "Ce que nous gardons de cette personne" in shown
    assert "L221-11" in shown
    assert browse(desk, agent).post(page, letter).status_code == 403
    # A file that another session opened is no file of theirs.
    other = people.make_agent(desk.database, insurer, Role.INSURER_DPO, name="Autre")
    assert browse(desk, other).post(page, letter).status_code == 404
