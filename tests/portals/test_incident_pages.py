"""An insurer's public page about an incident, and its agents who answer calls about it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from tests.concerned_samples import Campaign, give_card
from tests.package_samples import Affair
from tests.portals import people
from tests.portals.pages import read
from tests.unit.exchange.test_legal_notices import LINES

from rempart.accounts.roles import Role
from rempart.exchange.legal_notices import LegalNotices
from rempart.storage.card_prints import PrintSeal

PERSON, OTHER_PERSON = 101, 201
NOW = datetime(2029, 3, 1, 9, 30, tzinfo=UTC)
FACTS = {
    "case_reference": "R-2029-001",
    "operator": "Plateforme Lambda",
    "starts_on": "23/11/2025",
    "ends_on": "23/11/2025",
    "discovered_on": "24/11/2025",
    "told_on": "25/11/2025",
    "next_update_on": "15/03/2029",
    "measures": ["accounts_blocked", "cnil_notified"],
    "planned": ["second_message"],
    "is_space_open": "on",
    "prosecutor": "",
    "name": "Mutuelle Aubelune",
    "phone": "01 99 00 12 34",
    "hours_fr": "du lundi au vendredi de 9 h à 18 h",
    "hours_en": "Monday to Friday, 9 am to 6 pm",
    "dpo_email": "dpo@aubelune.invalid",
    "post_address": "1 rue de l’Exemple, 75000 Paris",
    "site": "aubelune.invalid",
}
QUESTION = {
    "act": "save",
    "question_fr": "Ma carte marche-t-elle ?",
    "answer_fr": "Oui.",
    "question_en": "Does my card work?",
    "answer_en": "Yes.",
}


def enter(desk, org, role, name="Chloé Essai") -> Client:
    browser = Client()
    people.sign_in(browser, desk.database, people.make_agent(desk.database, org, role, name=name))
    confirm(desk)
    return browser


def confirm(desk) -> None:
    """Have everybody who is signed in confirm who they are, now."""
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.session SET stepped_up_at = %s", (desk.now(),))


@pytest.fixture
def mine(desk) -> people.Organisation:
    people.make_organisation(desk.database, "operator", name="Plateforme Lambda")
    return people.make_organisation(desk.database, "insurer", name="Mutuelle Aubelune")


@pytest.fixture
def other(desk, mine) -> people.Organisation:
    return people.make_organisation(desk.database, "insurer", name="Mutuelle Brisemer")


@pytest.fixture
def affair(desk, mine, other) -> Affair:
    """An incident that both insurers were told of."""
    desk.clock = NOW
    affair = Affair(desk.database)
    listed = [(mine.insurer_id, PERSON, "A"), (other.insurer_id, OTHER_PERSON, "A")]
    for org in (mine, other):
        affair.add_key(org.insurer_id)
    for insurer_id, ref, _tier in listed:
        affair.know(insurer_id, ref)
    affair.analyse(listed)
    affair.make()
    for org in (mine, other):
        affair.send(org.insurer_id)
    with affair.database.transaction("owner") as tx:
        # Bit 0 to 4 and the NIR: what a look-up of this analysis showed.
        tx.execute("UPDATE incidents.package SET fields = %s", (1 << 16 | 1 << 20,))
    yield affair
    with affair.database.connect("admin", autocommit=True) as admin:
        admin.execute("TRUNCATE identity.person, identity.insurer_key")


@pytest.fixture
def dpo(desk, mine) -> Client:
    return enter(desk, mine, Role.INSURER_DPO)


def base(affair) -> str:
    return f"/assureur/incidents/{affair.incident_id}/page"


def write_and_publish(affair, browser) -> None:
    assert browser.post(f"{base(affair)}/faits", FACTS).status_code == 302
    assert browser.post(f"{base(affair)}/publier").status_code == 302


def find_address(affair, org) -> str:
    [(amc_number, number)] = affair.fetch(
        "SELECT amc_number, number FROM notices.incident_page WHERE insurer_id = %s", org.insurer_id
    )
    return f"/incidents/{amc_number}/{number}"


def test_from_facts_to_a_page_that_anybody_reads(affair, dpo, mine):
    page = base(affair)
    assert "Rien n’est écrit" in read(dpo.get(page))
    assert dpo.post(f"{page}/faits", FACTS).status_code == 302
    assert "Rien à revoir" in read(dpo.get(page))
    assert read(Client().get("/incidents/")).count("Mutuelle Aubelune") == 0
    assert dpo.post(f"{page}/questions", QUESTION).status_code == 302
    assert dpo.post(f"{page}/publier").status_code == 302
    address = find_address(affair, mine)
    anybody = Client()
    assert address in anybody.get("/incidents/").content.decode()
    shown = read(anybody.get(address))
    for words in ("Dossier R-2029-001, version 1", "numéro de sécurité sociale", "Oui."):
        assert words in shown
    anybody.cookies["rempart_language"] = "en"
    assert "Does my card work?" in read(anybody.get(address))
    text = anybody.get(f"{address}/v1.txt")
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Does my card work?\nYes." in text.content.decode()


def test_a_second_version_says_what_changed_and_the_first_stays_as_it_was(affair, dpo, mine):
    write_and_publish(affair, dpo)
    address = find_address(affair, mine)
    first = Client().get(f"{address}/v1.txt").content
    page = base(affair)
    dpo.post(f"{page}/faits", FACTS | {"phone": "01 99 00 99 99"})
    refused = dpo.post(f"{page}/publier")
    assert refused.status_code == 422
    assert "ce qui a changé" in read(refused)
    dpo.post(
        f"{page}/questions",
        {"act": "change", "change_fr": "Autre numéro.", "change_en": "Another number."},
    )
    assert dpo.post(f"{page}/publier").status_code == 302
    assert "Ce qui a changé : Autre numéro." in read(Client().get(address))
    assert "Version ancienne" in read(Client().get(f"{address}/v1"))
    assert Client().get(f"{address}/v1.txt").content == first
    assert Client().get(f"{address}/v3").status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ends_on": "22/11/2025"}, "Dans l’ordre"),
        ({"told_on": "23/11/2025"}, "Dans l’ordre"),
        ({"next_update_on": "01/03/2029"}, "Après aujourd’hui"),
        ({"site": "https://aubelune.invalid/"}, "sans https"),
        ({"dpo_email": "dpo"}, "adresse électronique"),
        ({"name": "Mutuelle \u202e"}, "sans caractère caché"),
        ({"measures": []}, "obligatoire"),
        ({"starts_on": "32/11/2025"}, "Écrivez une date"),
    ],
)
def test_facts_that_cannot_be_true_are_refused_beside_their_field(affair, dpo, changes, words):
    answer = dpo.post(f"{base(affair)}/faits", FACTS | changes)
    assert answer.status_code == 422
    assert words in read(answer)
    assert affair.fetch("SELECT count(*) FROM notices.page_version") == [(0,)]


def test_questions_are_moved_changed_and_removed(affair, dpo):
    page = base(affair)
    dpo.post(f"{page}/faits", FACTS)
    dpo.post(f"{page}/questions", QUESTION)

    def asked() -> list[str]:
        [(said,)] = affair.fetch("SELECT said FROM notices.page_version")
        return [one["question_fr"] for one in said["questions"]]

    last = len(asked()) - 1
    dpo.post(f"{page}/questions", {"act": "up", "n": last})
    assert asked()[last - 1] == QUESTION["question_fr"]
    for place in ("²", "-1", "9" * 5000):
        assert dpo.post(f"{page}/questions", {"act": "up", "n": place}).status_code == 404
    dpo.post(f"{page}/questions", QUESTION | {"n": last - 1, "question_fr": "Autre ?"})
    assert asked()[last - 1] == "Autre ?"
    dpo.post(f"{page}/questions", {"act": "remove", "n": last - 1})
    assert "Autre ?" not in asked()
    again = dpo.post(f"{page}/questions", QUESTION | {"question_fr": asked()[0]})
    assert again.status_code == 422
    hidden = dpo.post(f"{page}/questions", QUESTION | {"answer_fr": "Oui\u202e"})
    assert "ne s’imprime pas" in read(hidden)
    pasted = QUESTION | {"question_fr": "Ma carte\u00a0?", "answer_fr": "Oui\u202f:\r\ntoujours."}
    assert dpo.post(f"{page}/questions", pasted).status_code == 302
    assert asked()[-1] == "Ma carte ?"


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ({"change_fr": "Autre numéro\u00a0!", "change_en": "Another number."}, 302, ""),
        ({"change_fr": "", "change_en": ""}, 302, ""),
        ({"change_fr": "Autre numéro.", "change_en": ""}, 422, "dans les deux langues"),
        ({"change_fr": "Autre\u202e.", "change_en": "Another."}, 422, "sans caractère caché"),
        ({"change_fr": "a" * 999, "change_en": "Another."}, 422, "caractères"),
    ],
)
def test_a_change_that_cannot_be_published_is_said_beside_it(affair, dpo, said, status, words):
    page = base(affair)
    write_and_publish(affair, dpo)
    dpo.post(f"{page}/faits", FACTS | {"phone": "01\u00a099 00\u202f99 99"})
    answer = dpo.post(f"{page}/questions", {"act": "change", **said})
    assert answer.status_code == status
    assert words in (read(answer) if status == 422 else "")
    if status == 422:
        assert f'value="{said["change_fr"]}"' in answer.content.decode()


def test_a_page_whose_words_lack_what_the_law_asks_is_not_published(affair, dpo, monkeypatch):
    page = base(affair)
    dpo.post(f"{page}/faits", FACTS)
    monkeypatch.setattr("rempart.notices.incident_page.format_page", lambda *_: "Bonjour.")
    assert "empêche de publier" in read(dpo.get(page))
    assert dpo.post(f"{page}/publier").status_code == 422
    assert affair.fetch("SELECT published_at FROM notices.page_version") == [(None,)]


def test_a_page_that_is_withdrawn_says_why_for_ever(affair, dpo, mine):
    write_and_publish(affair, dpo)
    address = find_address(affair, mine)
    assert dpo.post(f"{base(affair)}/retirer", {"reason": ""}).status_code == 422
    dpo.post(f"{base(affair)}/retirer", {"reason": "Publiée par erreur."})
    assert "Publiée par erreur." in read(Client().get(address))
    assert dpo.post(f"{base(affair)}/faits", FACTS).status_code == 409


def test_publishing_waits_for_a_fresh_confirmation_and_comes_back_to_the_page(affair, dpo, desk):
    dpo.post(f"{base(affair)}/faits", FACTS)
    desk.clock = NOW + timedelta(minutes=10)
    sent = dpo.post(f"{base(affair)}/publier")
    assert sent.url.startswith("/confirmation?next=")
    confirm(desk)
    assert "Publier cette version" in read(dpo.get(f"{base(affair)}/publier"))
    assert affair.fetch("SELECT published_at FROM notices.page_version") == [(None,)]


def test_publishing_asks_that_lists_for_cards_be_made(affair, dpo):
    write_and_publish(affair, dpo)
    assert affair.fetch(
        "SELECT count(*) FROM jobs.procrastinate_jobs WHERE task_name = 'make_self_checks'"
    ) == [(1,)]


def test_an_exercise_is_published_for_its_insurer_alone(desk, mine):
    desk.clock = NOW
    affair = Affair(desk.database, exercise=True)
    affair.add_key(mine.insurer_id)
    affair.know(mine.insurer_id, PERSON)
    affair.analyse([(mine.insurer_id, PERSON, "A")])
    affair.make()
    affair.send(mine.insurer_id)
    with affair.database.transaction("owner") as tx:
        tx.execute("UPDATE incidents.package SET fields = %s", (1 << 20,))
    browser = enter(desk, mine, Role.INSURER_DPO)
    write_and_publish(affair, browser)
    assert "EXERCICE" in read(browser.get(base(affair)))
    assert Client().get(find_address(affair, mine)).status_code == 404
    assert "Aucun incident" in read(Client().get("/incidents/"))
    with desk.database.connect("admin", autocommit=True) as admin:
        admin.execute("TRUNCATE identity.person, identity.insurer_key")


def test_another_insurer_writes_its_own_page(affair, dpo, desk, other):
    write_and_publish(affair, dpo)
    stranger = enter(desk, other, Role.INSURER_DPO)
    assert "Rien n’est écrit" in read(stranger.get(base(affair)))
    manager = enter(desk, other, Role.INSURER_MANAGER)
    assert manager.get(base(affair)).status_code == 403


@pytest.mark.parametrize(
    "address",
    [
        "/incidents/1/1",
        "/incidents/abc/1",
        "/incidents/9000000001/99999999999",
        "/incidents/9/0/v1",
    ],
)
def test_a_page_that_nobody_published_is_not_there(affair, address):
    assert Client().get(address).status_code == 404


# ---------------------------------------------------------------------------- calls


@pytest.fixture
def campaign(affair, mine) -> Campaign:
    campaign = Campaign(affair, mine.insurer_id)
    campaign.approve()
    return campaign


def list_readings(affair) -> list[tuple[int, int]]:
    return affair.fetch("SELECT person_ref, insurer_id FROM ledger.entry WHERE kind = 4")


def test_a_call_is_answered_with_the_words_of_the_letter_and_is_on_record(
    affair, campaign, desk, mine
):
    code = campaign.write(PERSON)
    agent = enter(desk, mine, Role.INSURER_MANAGER)
    assert "numéro de sécurité sociale" in read(agent.get("/assureur/telephone"))
    page = read(agent.post("/assureur/telephone", {"code": code, "line": "1"}))
    for words in ("Concerné(e). C’est établi.", "Courrier, premier message : posté", "Vous êtes"):
        assert words in page
    assert list_readings(affair) == [(PERSON, mine.insurer_id)]


def test_a_card_and_its_line_find_the_same_answer(affair, campaign, desk, mine):
    campaign.write(PERSON)
    card = give_card(
        desk.database,
        mine.insurer_id,
        [(PERSON, "19700101"), (102, "19710101")],
        seal=PrintSeal(bytes(32)),
        secret=bytes(range(16)),
    )
    agent = enter(desk, mine, Role.INSURER_MANAGER)
    serial = card.serial.format()
    first = read(agent.post("/assureur/telephone", {"card": serial, "line": "1"}))
    assert "C’est établi" in first
    second = read(agent.post("/assureur/telephone", {"card": serial, "line": "2"}))
    assert "Pas sur la liste. Les journaux de la période sont complets" in second
    assert list_readings(affair) == [(PERSON, mine.insurer_id), (102, mine.insurer_id)]


def test_where_the_record_has_a_hole_nobody_is_told_that_nothing_was_read(
    affair, campaign, desk, mine
):
    code = campaign.write(PERSON)
    with affair.database.transaction("owner") as tx:
        tx.execute("UPDATE incidents.package SET hidden = NULL")
        tx.execute("DELETE FROM incidents.packaged_person WHERE person_ref = %s", (PERSON,))
    agent = enter(desk, mine, Role.INSURER_DPO)
    page = read(agent.post("/assureur/telephone", {"code": code, "line": "1"}))
    assert "ne dites pas que rien n’a été lu" in page
    assert "une correction est due" in page


def test_a_retraction_that_a_hole_forbids_is_not_read_out(affair, campaign, desk, mine):
    code = campaign.write(PERSON)
    campaign.end()
    retraction = Campaign(affair, mine.insurer_id, number=2, kind="retraction")
    former = campaign.find_number(PERSON)
    retraction.write(PERSON, certainty="D", fields=0, not_exposed=0, former=former)
    retraction.approve()
    with affair.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE notices.message SET state = 'held', reason = 'cannot_exclude'"
            " WHERE certainty = 'D'"
        )
        tx.execute("UPDATE incidents.package SET hidden = NULL")
        tx.execute("DELETE FROM incidents.packaged_person WHERE person_ref = %s", (PERSON,))
    agent = enter(desk, mine, Role.INSURER_DPO)
    page = read(agent.post("/assureur/telephone", {"code": code, "line": "1"}))
    assert "ne dites pas que rien n’a été lu" in page
    assert "Courrier, premier message : posté" in page
    assert "une correction est due" in page
    assert "Vous n’êtes pas concerné" not in page


def test_who_a_whole_list_leaves_out_is_not_said_to_be_listed(affair, campaign, desk, mine):
    code = campaign.write(PERSON)
    for listed in ([PERSON, 102], [102]):
        affair.analyse([(mine.insurer_id, ref, "A") for ref in listed])
        affair.make(mine.insurer_id)
        affair.send(mine.insurer_id)
        with affair.database.transaction("owner") as tx:
            tx.execute(
                "UPDATE incidents.package SET state = 'withdrawn', withdrawn_by = 1,"
                " withdrawn_for = 'mauvaise liste' WHERE number = 2 AND state = 'sent'"
            )
    whole = affair.fetch(
        "SELECT number FROM incidents.package"
        " WHERE insurer_id = %s AND state = 'sent' AND basis = 0 ORDER BY number",
        mine.insurer_id,
    )
    assert whole == [(1,), (3,)]
    agent = enter(desk, mine, Role.INSURER_MANAGER)
    page = read(agent.post("/assureur/telephone", {"code": code, "line": "1"}))
    assert "Pas sur la liste. Les journaux de la période sont complets" in page
    assert "une correction est due" in page


def test_a_code_of_another_insurer_is_nobodys_and_nothing_is_on_record(
    affair, campaign, desk, other
):
    code = campaign.write(PERSON)
    stranger = enter(desk, other, Role.INSURER_MANAGER)
    answer = stranger.post("/assureur/telephone", {"code": code, "line": "1"})
    assert answer.status_code == 422
    assert "Aucun de vos adhérents" in read(answer)
    assert list_readings(affair) == []


@pytest.mark.parametrize("given", [{}, {"code": "A", "card": "B"}, {"code": "A", "line": "99"}])
def test_a_caller_is_found_by_one_thing(affair, desk, mine, given):
    agent = enter(desk, mine, Role.INSURER_MANAGER)
    assert agent.post("/assureur/telephone", {"line": "1"} | given).status_code == 422


def test_nothing_is_shown_when_it_cannot_be_recorded(affair, campaign, desk, mine, monkeypatch):
    code = campaign.write(PERSON)
    agent = enter(desk, mine, Role.INSURER_MANAGER)
    agent.raise_request_exception = False

    def refuse(*_args, **_options):
        raise RuntimeError("the ledger is away")

    monkeypatch.setattr(type(desk.readings), "record", refuse)
    answer = agent.post("/assureur/telephone", {"code": code, "line": "1"})
    assert answer.status_code == 500
    assert b"tabli" not in answer.content


# ---------------------------------------------------------------------------- help


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("email", "signal-spam.fr"),
        ("sms", "33700.fr"),
        ("call", "33700.fr"),
        ("site", "internet-signalement.gouv.fr"),
        ("victim", "17cyber.gouv.fr"),
    ],
)
def test_each_thing_is_reported_where_it_is_for(desk, kind, where):
    page = Client().get(f"/signaler?quoi={kind}").content.decode()
    assert (
        where in page[page.index('id="first"') : page.index("</section>", page.index('id="first"'))]
    )
    assert 'href="http' not in page


@pytest.mark.parametrize("asked", ["", "?quoi=", "?quoi=autre", "?quoi=<b>"])
def test_without_a_kind_every_place_is_shown(desk, asked):
    page = Client().get(f"/signaler{asked}").content.decode()
    assert 'id="first"' not in page
    assert all(place in page for place in ("signal-spam.fr", "33700.fr", "17cyber.gouv.fr"))


def test_the_legal_notices_are_a_page_for_anybody(desk):
    page = read(Client().get("/mentions-legales"))
    assert "n’a pas encore dit qui en répond" in page
    assert "Apache 2.0" in page
    desk.legal = LegalNotices(**LINES)
    page = read(Client().get("/mentions-legales"))
    for words in LINES.values():
        assert words in page
