"""Cutting from the console, what the professional reads meanwhile, and the public status page."""

import json
from xml.etree import ElementTree

import httpx
import pytest
from django.test import Client
from psycopg import errors
from tests.portals import people, samples

from rempart.accounts.roles import Role

ATOM = "{http://www.w3.org/2005/Atom}"


def make_operator(desk, org, **who):
    browser = Client()
    people.sign_in(
        browser, desk.database, people.make_agent(desk.database, org, Role.OPERATOR_SECURITY, **who)
    )
    return browser


@pytest.fixture
def org(desk):
    return people.make_organisation(desk.database, "operator", name="Plateforme Lambda")


@pytest.fixture
def two(desk, org):
    """Two people of the operator's security."""
    return make_operator(desk, org), make_operator(desk, org, name="Sacha Essai")


@pytest.fixture(autouse=True)
def clean(desk):
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "TRUNCATE rights.cut, rights.cut_note, rights.service_hour, rights.service_change"
        )


def cut(browser, scope, **values):
    form = {"scope": scope, "amc_number": "", "reason": "incident", "review_hours": "4", **values}
    preview = browser.post("/console/services/couper", form)
    assert preview.status_code == 200, preview.content
    return browser.post("/console/services/couper", {**form, "confirmed": "1", "request_id": scope})


def list_cuts(desk):
    with desk.database.transaction("owner") as tx:
        return tx.execute(
            "SELECT cut_ref, scope, starts_at IS NOT NULL, ended_at IS NOT NULL FROM rights.cut"
        ).fetchall()


def test_one_person_cuts_an_insurer_after_seeing_whom_it_touches_and_undoes_it(desk, two, insurer):
    browser, _ = two
    with desk.database.transaction("owner") as tx:
        [(amc,)] = tx.execute("SELECT amc_number FROM rights.insurer").fetchall()
    form = {"scope": "insurer", "amc_number": amc, "reason": "incident", "review_hours": "4"}
    preview = browser.post("/console/services/couper", form).content.decode()
    assert "0 vérifications, par 0 comptes, sur 0 personnes" in preview
    assert list_cuts(desk) == [], "seeing cuts nothing"
    assert cut(browser, "insurer", amc_number=amc).status_code == 302
    [(cut_ref, scope, started, ended)] = list_cuts(desk)
    assert (scope, started, ended) == ("insurer", True, False)
    assert cut(browser, "insurer", amc_number=amc).status_code == 409
    assert "Mutuelle d" in Client().get("/statut").content.decode()
    browser.post(f"/console/services/{cut_ref}/retablissement")
    assert list_cuts(desk)[0][3]


def test_two_persons_cut_everything_and_two_give_it_back(desk, two):
    first, second = two
    assert cut(first, "rights").status_code == 302
    [(cut_ref, _, started, _)] = list_cuts(desk)
    assert not started
    assert "Coupé" not in Client().get("/statut").content.decode()
    assert first.post(f"/console/services/{cut_ref}/confirmation").status_code == 403
    assert second.post(f"/console/services/{cut_ref}/confirmation").status_code == 302
    assert list_cuts(desk)[0][2]
    second.post(f"/console/services/{cut_ref}/retablissement")
    assert not list_cuts(desk)[0][3]
    assert second.post(f"/console/services/{cut_ref}/retablissement").status_code == 409
    first.post(f"/console/services/{cut_ref}/retablissement")
    assert list_cuts(desk)[0][3]


def test_a_puppet_invited_yesterday_is_no_second_person(desk, org, two):
    first, _ = two
    cut(first, "rights")
    [(cut_ref, *_)] = list_cuts(desk)
    puppet = make_operator(desk, org, name="Marionnette", since="2026-11-21")
    assert puppet.post(f"/console/services/{cut_ref}/confirmation").status_code == 403
    assert not list_cuts(desk)[0][2]


def test_the_database_itself_refuses_one_person_for_everything(desk):
    with pytest.raises(errors.CheckViolation), desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.cut (cut_ref, scope, reason, asked_by, approved_by, starts_at,"
            " review_at) VALUES (1, 'rights', 'incident', 5, 5, now(), now() + interval '1 h')"
        )


def test_an_agent_of_a_hosted_operator_cuts_nothing(desk, org):
    hosted = people.make_organisation(desk.database, "operator", hosted_by=org.org_ref)
    browser = make_operator(desk, hosted)
    form = {"scope": "gateway", "amc_number": "", "reason": "incident", "review_hours": "4"}
    assert browser.post("/console/services/couper", {**form, "confirmed": "1"}).status_code == 404
    assert list_cuts(desk) == []


def test_a_professional_reads_what_still_works_and_since_when(professional, press, gateway):
    gateway.reply = httpx.Response(
        503,
        json={
            "type": "/problems/rights_cut",
            "title": "x",
            "status": 503,
            "code": "rights_cut",
            "detail": "x",
            "cut": {
                "scope": "rights",
                "reason": "incident",
                "since": "2026-11-22T09:30:00Z",
                "until": None,
                "still_works": ["offline_card", "claims", "payments"],
            },
        },
        headers={"Retry-After": "300"},
    )
    answer = press("/verifier", samples.CARD_FORM)
    page = answer.content.decode()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "300")
    for words in ("22/11/2026 10:30", "La facturation continue", "/hors-ligne", "/statut"):
        assert words in page


def test_the_status_page_works_while_the_gateway_is_dead(desk, gateway):
    gateway.reply = httpx.ConnectError("nobody")
    page = Client().get("/statut")
    assert page.status_code == 200
    assert "ne répond pas" in page.content.decode()
    state = Client().get("/statut.json").json()
    assert state["services"] == {
        "gateway": "down",
        "ledger": "down",
        "database": "up",
        "portals": "up",
        "jobs": "down",
    }


def test_the_status_page_works_while_the_database_is_dead(desk, monkeypatch):
    def broken():
        raise errors.ConnectionFailure("gone")

    monkeypatch.setattr(type(desk), "transaction", lambda _: broken())
    page = Client().get("/statut")
    assert page.status_code == 200
    assert "L’historique revient avec la base de données" in page.content.decode()
    assert Client().get("/statut.json").json()["services"]["database"] == "down"


def test_what_was_found_is_kept_drawn_and_told_in_the_feed(desk, gateway, two):
    ready = json.dumps({"database": True, "ledger": True}).encode()
    gateway.reply = httpx.Response(200, content=ready)
    Client().get("/statut")
    gateway.reply = httpx.ConnectError("nobody")
    desk.clock = desk.clock.replace(minute=45)
    page = Client().get("/statut").content.decode()
    assert page.count('class="day-') == 5 * 60
    assert 'class="day-bad"' in page
    feed = ElementTree.fromstring(Client().get("/statut.atom").content)
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")]
    assert "Vérification des droits : en panne" in titles


def test_a_member_shows_six_digits_of_their_own_and_may_change_them(desk, insurer):
    browser = Client()
    people.sign_in(browser, desk.database, people.make_member(desk.database, insurer))
    first = browser.get("/adherent/code")
    assert first.status_code == 200
    assert int(first.headers["Refresh"]) <= 61
    with desk.database.transaction("owner") as tx:
        [(sealed,)] = tx.execute("SELECT sealed FROM rights.code_secret").fetchall()
    browser.post("/adherent/code/nouveau")
    browser.get("/adherent/code")
    with desk.database.transaction("owner") as tx:
        [(again,)] = tx.execute("SELECT sealed FROM rights.code_secret").fetchall()
    assert sealed != again
