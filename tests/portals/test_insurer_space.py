"""An insurer's own space: its feeds, look-ups, figures and limits; nobody else's, nobody named."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from tests.portals import people, samples
from tests.portals.bench import make_client
from tests.portals.pages import change, fetch
from tests.portals.test_payers import add_claim, read

from rempart.accounts.roles import Role
from rempart.disclosure.entry import Mode, Outcome

FEED = 1_000


@pytest.fixture(autouse=True)
def agent(desk, browser, manager) -> Client:
    people.sign_in(browser, desk.database, manager)
    return browser


@pytest.fixture
def other(desk) -> people.Organisation:
    return people.make_organisation(desk.database, "insurer", name="Autre mutuelle")


def add_feed(desk, insurer, number: int, *, findings: int = 0, state: str = "published") -> None:
    change(
        desk,
        "INSERT INTO rights.feed_version (feed_version, insurer_id, kind, file_digest, state,"
        " rows_done, rows_applied, rows_rejected, published_at) OVERRIDING SYSTEM VALUE"
        " VALUES (%s, %s, 'full', %s, %s, 1200, 1100, %s, clock_timestamp())",
        *(number, insurer.insurer_id, bytes(32), state, findings),
    )
    change(
        desk,
        "INSERT INTO rights.feed_finding SELECT %s, n + 1, 'birth_date', 'birth_date',"
        " 'La date de naissance n’existe pas.', 'Corriger la date.' FROM generate_series(1, %s) n",
        *(number, findings),
    )


# ------------------------------------------------------------------------------- feeds


def test_an_insurer_reads_its_feeds_and_what_is_wrong_row_by_row(desk, agent, insurer):
    add_feed(desk, insurer, FEED, findings=60)
    listed = read(agent.get("/assureur/flux"))
    assert f"Flux {FEED}" in listed
    assert "publié" in listed
    assert "60" in listed
    page = read(agent.get(f"/assureur/flux/{FEED}"))
    assert "La date de naissance n’existe pas." in page
    assert "1 à 50 sur 60" in page
    assert "51 à 60 sur 60" in read(agent.get(f"/assureur/flux/{FEED}?page=2"))
    assert "Aucune anomalie" in read(agent.get(f"/assureur/flux/{FEED}?regle=nir_key%00"))
    lines = agent.get(f"/assureur/flux/{FEED}/anomalies.csv").content.decode().splitlines()
    assert len(lines) == 61
    assert lines[1].startswith("2;birth_date;birth_date;")
    assert agent.get("/assureur/flux.csv").content.decode().count("\r\n") == 2


def test_another_insurer_s_feed_is_not_there(desk, agent, other):
    add_feed(desk, other, FEED, findings=1)
    assert "Aucun flux" in read(agent.get("/assureur/flux"))
    for page in (f"/assureur/flux/{FEED}", f"/assureur/flux/{FEED}/anomalies.csv"):
        assert agent.get(page).status_code == 404
    for nothing in ("abc", "9" * 30, "0"):
        assert agent.get(f"/assureur/flux/{nothing}").status_code == 404


# ------------------------------------------------------------------------------- look-ups


def test_an_insurer_watches_look_ups_of_its_members_and_no_other_s(desk, agent, insurer, other):
    samples.add_log(desk.database, size=4)
    mine, theirs = insurer.insurer_id, other.insurer_id
    with desk.database.transaction("owner") as tx:
        samples.add_entry(tx, 0, insurer_id=mine, account_ref=5_000_000_001)
        samples.add_entry(tx, 1, insurer_id=theirs, account_ref=5_000_000_002)
        samples.add_entry(tx, 2, insurer_id=mine, mode=Mode.TYPED, outcome=Outcome.UNKNOWN)
        samples.add_entry(tx, 3, insurer_id=mine, account_ref=5_000_000_003, person_ref=4141)
    page = agent.get(f"/assureur/consultations?assureur={theirs}")
    words = read(page)
    assert "1 à 3 sur 3" in words
    assert "Saisie" in words
    assert "4141" not in page.content.decode()
    assert str(5_000_000_002) not in page.content.decode()
    assert "1 à 1 sur 1" in read(agent.get("/assureur/consultations?compte=5000000003"))
    table = agent.get("/assureur/consultations", headers={"hx-request": "true"})
    assert b"<html" not in table.content
    lines = agent.get("/assureur/consultations.csv").content.decode().splitlines()
    assert len(lines) == 4
    assert "C-" in lines[1]
    read_by = fetch(desk, "SELECT insurer_id FROM ledger.entry WHERE log_id = 0 ORDER BY idx")
    assert {row[0] for row in read_by} <= {mine, 0}
    assert len(read_by) >= 2


# ------------------------------------------------------------------------------- limits


LIMITS = {
    "presence": "new-faces",
    "typed_new_persons": "5",
    "files_per_day": "40",
    "reason": "Hameçonnage en cours",
}


def list_limits(desk):
    return fetch(
        desk,
        "SELECT required, known_faces, typed_persons_per_day, files_per_day,"
        " active_from <= clock_timestamp() FROM rights.insurer_limit ORDER BY set_at",
    )


@pytest.fixture
def dpo(desk, insurer) -> Client:
    browser = make_client()
    who = people.make_agent(desk.database, insurer, Role.INSURER_DPO, name="Dominique DPO")
    people.sign_in(browser, desk.database, who)
    return browser


def send(desk, browser, page, values):
    desk.clock += timedelta(seconds=1)
    opened = browser.get(page, follow=True).content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', opened))
    return browser.post(page, {**hidden, **values})


def test_what_tightens_holds_at_once_and_what_loosens_waits_a_day(desk, dpo):
    page = "/assureur/limites/changer"
    assert send(desk, dpo, page, LIMITS).status_code == 302
    assert list_limits(desk) == [(True, True, 5, 40, True)]
    assert send(desk, dpo, page, {**LIMITS, "typed_new_persons": ""}).status_code == 302
    assert list_limits(desk)[1] == (True, True, None, 40, False)
    shown = read(dpo.get("/assureur/limites"))
    assert "en vigueur" in shown
    assert "à partir du" in shown
    assert "Hameçonnage en cours" in shown
    assert send(desk, dpo, page, {**LIMITS, "presence": "always"}).status_code == 302
    assert list_limits(desk)[2] == (True, False, 5, 40, True)
    assert dpo.get("/assureur/limites.csv").content.decode().count("\r\n") == 4
    kinds = fetch(desk, "SELECT count(*) FROM accounts.security_event WHERE kind = 'limits_set'")
    assert kinds == [(3,)]


def test_mutation_a_trigger_that_does_not_date_limits_would_loosen_at_once(desk, dpo):
    page = "/assureur/limites/changer"
    send(desk, dpo, page, LIMITS)
    with desk.database.connect("owner", autocommit=True) as owner:
        owner.execute("ALTER TABLE rights.insurer_limit DISABLE TRIGGER date_limit")
        try:
            send(desk, dpo, page, {**LIMITS, "presence": "optional"})
        finally:
            owner.execute("ALTER TABLE rights.insurer_limit ENABLE TRIGGER date_limit")
    assert list_limits(desk)[1][4] is True


@pytest.mark.parametrize(
    "bad",
    [
        {"files_per_day": "301"},
        {"files_per_day": "0"},
        {"typed_new_persons": "-1"},
        {"reason": ""},
        {"presence": "sometimes"},
    ],
)
def test_impossible_limits_are_refused(desk, dpo, bad):
    assert send(desk, dpo, "/assureur/limites/changer", {**LIMITS, **bad}).status_code == 422
    assert list_limits(desk) == []


def test_a_manager_reads_limits_and_sets_none(desk, agent):
    assert agent.get("/assureur/limites").status_code == 200
    assert agent.get("/assureur/limites/changer").status_code == 403


# ------------------------------------------------------------------------------- figures, home


def test_figures_are_drawn_with_their_numbers_beside_them(desk, agent, insurer, other):
    place = people.make_organisation(desk.database, "establishment").establishment_ref
    now = datetime.now(UTC)
    desk.clock = now
    for number, (days, state) in enumerate(((3, "paid"), (10, "rejected"), (200, "paid"))):
        add_claim(
            desk,
            insurer_id=insurer.insurer_id,
            person_ref=99,
            place=place,
            ref=700_000_000_201 + number,
            state=state,
            received_at=now - timedelta(days=days),
        )
    add_claim(desk, insurer_id=other.insurer_id, person_ref=98, place=place, ref=700_000_000_301)
    page = read(agent.get("/assureur/chiffres"))
    assert "Factures, six mois 2" in page
    assert "9,00 €" in page
    assert "50 %" in page or "50,0 %" in page
    svg = agent.get("/assureur/chiffres").content.decode()
    assert svg.count("<svg") >= 5
    assert "<script" in svg
    lines = agent.get("/assureur/chiffres.csv").content.decode().splitlines()
    assert len(lines) == 27


def test_the_first_page_says_what_waits_and_only_what_the_role_may_see(desk, agent, insurer, dpo):
    desk.clock = datetime.now(UTC)
    add_feed(desk, insurer, FEED, findings=2)
    home = read(agent.get("/assureur"))
    assert "Rien n’attend votre décision" in home
    assert "2 lignes rejetées" in home
    assert "Voir les incidents" not in home, "a case manager does not answer for incidents"
    assert "Voir les incidents" in read(dpo.get("/assureur"))
    assert "celles de l’opérateur" in home
