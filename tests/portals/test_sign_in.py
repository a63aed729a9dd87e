"""Come in, stay in, choose a language, go out: what does not depend on the ceremony."""

import httpx
import pytest
from django.test import Client
from tests.portals import people, samples

from rempart.accounts.roles import Role


@pytest.fixture
def manager(desk, browser):
    org = people.make_organisation(desk.database, "insurer")
    who = people.make_agent(desk.database, org, Role.INSURER_MANAGER)
    people.sign_in(browser, desk.database, who)
    return browser


def list_ends(desk):
    """Return how the sessions of the database ended, and the events about it."""
    with desk.database.transaction("owner") as tx:
        ends = tx.execute("SELECT end_reason FROM accounts.session").fetchall()
        kinds = tx.execute("SELECT kind FROM accounts.security_event ORDER BY at").fetchall()
    return [end for (end,) in ends], [kind for (kind,) in kinds]


def test_a_professional_is_greeted_by_name_and_can_check(professional):
    page = professional.get("/verifier").content.decode()
    assert "Claire Vasseur" in page
    assert "Vérifier des droits" in page


def test_signing_out_ends_the_session_in_the_database_and_forgets_the_token(
    desk, professional, press
):
    token = professional.cookies["rempart_session"].value
    press("/verifier", action="/deconnexion")
    assert professional.get("/verifier").headers["Location"] == "/connexion?next=%2Fverifier"
    assert list_ends(desk) == (["left"], ["signed_in", "signed_out"])
    # The token as somebody might have copied it.
    stranger = Client()
    stranger.cookies["rempart_session"] = token
    assert stranger.get("/verifier").status_code == 302


def test_signing_out_twice_is_no_second_event(desk, professional, press):
    press("/verifier", action="/deconnexion")
    press("/connexion", action="/deconnexion")
    assert list_ends(desk) == (["left"], ["signed_in", "signed_out"])


def test_signing_out_is_a_button_never_a_link(professional):
    assert professional.get("/deconnexion").status_code == 405
    assert professional.get("/verifier").status_code == 200


def test_another_site_cannot_sign_anybody_out(desk, professional):
    refused = professional.post("/deconnexion", headers={"origin": "https://evil.invalid"})
    assert refused.status_code == 403
    assert list_ends(desk)[0] == [None]


@pytest.mark.parametrize("page", ["/verifier", "/verifier/saisie", "/console", "/console/registre"])
def test_a_page_behind_the_door_sends_strangers_to_sign_in(browser, page):
    assert browser.get(page).headers["Location"].startswith("/connexion?next=%2F")
    assert browser.get("/connexion").status_code == 401


@pytest.mark.parametrize(
    "page",
    [
        *("/console", "/console/consultations", "/console/consultations.csv", "/console/registre"),
        *("/console/incidents", "/console/incidents/1", "/console/incidents/1/exposition.csv"),
    ],
)
def test_a_professional_sees_nothing_of_the_console(professional, page):
    refused = professional.get(page)
    assert refused.status_code == 403
    assert "Pas avec ce compte" in refused.content.decode()


def test_an_operator_cannot_ask_for_rights(operator, gateway):
    assert operator.get("/verifier").status_code == 403
    assert gateway.requests == []


def test_a_live_page_that_lost_its_session_moves_as_a_whole(browser):
    answer = browser.get("/console/consultations", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "/connexion?next=%2Fconsole%2Fconsultations"
    assert answer.content == b""


def test_the_sign_in_page_offers_every_way_in_and_says_what_to_do_after_a_loss(browser):
    page = browser.get("/connexion").content.decode()
    assert 'href="/connexion/psc"' in page
    assert 'data-start="/connexion/cle/debut"' in page
    assert "mot de passe" in page
    assert "En cas de perte" in page
    assert "<noscript>" in page


def test_the_way_on_survives_the_sign_in_page(browser):
    page = browser.get("/connexion?next=/assureur%3Fa=1").content.decode()
    assert 'href="/connexion/psc?next=%2Fassureur%3Fa%3D1"' in page
    assert 'data-finish="/connexion/cle/fin?next=%2Fassureur%3Fa%3D1"' in page


@pytest.mark.parametrize(
    "elsewhere",
    [
        *("https://evil.invalid/", "//evil.invalid", "/\\evil.invalid", "\\\\evil.invalid"),
        *("javascript:alert(1)", "http:///evil.invalid", "evil", ""),
        *("/\t/evil.invalid", "/\n/evil.invalid", "\x00//evil.invalid"),
    ],
)
def test_the_way_on_never_leads_elsewhere(browser, elsewhere):
    page = browser.get("/connexion", {"next": elsewhere}).content.decode()
    assert 'href="/connexion/psc"' in page
    assert 'data-finish="/connexion/cle/fin"' in page


def test_the_sign_in_page_of_somebody_signed_in_leads_on(manager):
    page = manager.get("/connexion")
    assert page.status_code == 200
    assert 'href="/assureur"' in page.content.decode()


def test_a_session_that_the_gateway_refuses_asks_to_sign_in_again(
    desk, professional, gateway, press
):
    gateway.token = httpx.Response(400, json={"error": "invalid_grant"})
    answer = press("/verifier", samples.CARD_FORM)
    assert answer.headers["Location"] == "/connexion?fin=1"
    assert "Votre connexion a pris fin" in professional.get("/connexion?fin=1").content.decode()
    assert list_ends(desk)[0] == ["revoked"]
