"""Sign in by a link that works once, choose a language, sign out."""

from datetime import timedelta

import pytest
from django.test import Client
from tests.portals import samples

from rempart.accounts.keys import compute_key_digest
from rempart.portals.seal import Seal


def test_opening_a_link_does_not_use_it_up(desk, browser, press):
    """Mail scanners and link previewers open links too."""
    token = samples.add_link(desk.database, samples.add_professional(desk.database))
    for _ in range(3):
        assert browser.get(f"/connexion/{token}").status_code == 200
        assert browser.head(f"/connexion/{token}").status_code == 200
    assert press(f"/connexion/{token}").headers["Location"] == "/verifier"


def test_a_professional_is_greeted_by_name_and_lands_on_the_check(professional):
    page = professional.get("/verifier").content.decode()
    assert "Claire Vasseur" in page
    assert "Vérifier des droits" in page


def test_a_link_works_once(desk, browser, press):
    token = samples.add_link(desk.database, None)
    press(f"/connexion/{token}")
    again = press(f"/connexion/{token}")
    assert again.status_code == 403
    assert "Ce lien ne sert plus" in again.content.decode()


@pytest.mark.parametrize("token", ["A" * 43, "short", "x" * 400])
def test_an_invented_link_is_refused_like_a_used_one(browser, press, token):
    refused = press(f"/connexion/{token}")
    assert refused.status_code == 403
    assert "inconnu, déjà utilisé ou périmé" in refused.content.decode()


def test_an_expired_link_is_refused(desk, press):
    token = samples.add_link(desk.database, None, expires=timedelta(seconds=-1))
    assert press(f"/connexion/{token}").status_code == 403


def test_a_link_cannot_be_used_by_another_site(desk):
    token = samples.add_link(desk.database, None)
    stranger = Client(enforce_csrf_checks=True)
    refused = stranger.post(f"/connexion/{token}", headers={"origin": "https://evil.invalid"})
    assert refused.status_code == 403
    assert "Ce formulaire a expiré" in refused.content.decode()


def test_signing_in_changes_the_session_so_that_none_can_be_planted(desk, browser, press):
    press(f"/connexion/{samples.add_link(desk.database, None)}")
    before = browser.cookies["rempart_session"].value
    press(f"/connexion/{samples.add_link(desk.database, None)}")
    assert browser.cookies["rempart_session"].value != before


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(professional):
    cookie = professional.cookies["rempart_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] <= 12 * 3600


def test_cookies_of_a_browser_that_came_over_tls_stay_on_tls(desk, press):
    plain = press(f"/connexion/{samples.add_link(desk.database, None)}")
    assert not plain.cookies["rempart_session"]["secure"]
    assert "Strict-Transport-Security" not in plain.headers
    client = Client(headers={"X-Forwarded-Proto": "https"})
    secure = client.post(f"/connexion/{samples.add_link(desk.database, None)}", secure=True)
    assert secure.cookies["rempart_session"]["secure"]
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=")


def test_sessions_that_have_ended_are_forgotten(desk, browser, press):
    press(f"/connexion/{samples.add_link(desk.database, None)}")
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.django_session SET expire_date = '2020-01-01'")
    browser.cookies.clear()
    press(f"/connexion/{samples.add_link(desk.database, None)}")
    with desk.transaction() as tx:
        assert tx.execute("SELECT count(*) FROM accounts.django_session").fetchone() == (1,)


def test_signing_out_revokes_the_key_and_forgets_the_session(desk, professional, gateway, press):
    press("/verifier", samples.CARD_FORM)
    key = gateway.requests[-1].headers["Authorization"].removeprefix("Bearer ")
    press("/verifier", action="/deconnexion")
    assert professional.get("/verifier").headers["Location"] == "/connexion"
    with desk.transaction() as tx:
        rows = tx.execute(
            "SELECT revoked_at IS NOT NULL FROM accounts.client WHERE key_digest = %s",
            (compute_key_digest(key),),
        ).fetchall()
        sessions = tx.execute("SELECT count(*) FROM accounts.django_session").fetchone()
    assert rows == [(True,)]
    assert sessions == (0,)


def test_signing_out_is_a_button_never_a_link(professional):
    assert professional.get("/deconnexion").status_code == 405
    assert professional.get("/verifier").status_code == 200


@pytest.mark.parametrize("page", ["/verifier", "/verifier/saisie", "/console", "/console/registre"])
def test_a_page_behind_the_door_sends_strangers_to_sign_in(browser, page):
    assert browser.get(page).headers["Location"].split("?")[0] == "/connexion"
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


def test_the_sign_in_page_says_how_to_get_a_link(browser):
    page = browser.get("/connexion").content.decode()
    assert "rempart client login-link" in page
    assert "mot de passe" in page


def test_the_sign_in_page_of_somebody_signed_in_leads_on(professional):
    page = professional.get("/connexion")
    assert page.status_code == 200
    assert 'href="/verifier"' in page.content.decode()


def test_a_session_whose_key_is_refused_asks_to_sign_in_again(professional, gateway, press):
    gateway.reply = samples.make_problem(401, "access_denied")
    answer = press("/verifier", samples.CARD_FORM)
    assert answer.headers["Location"] == "/connexion?fin=1"
    assert "Votre connexion a pris fin" in professional.get("/connexion?fin=1").content.decode()


def test_a_session_sealed_under_another_key_asks_to_sign_in_again(desk, professional, press):
    before, desk.seal = desk.seal, Seal(bytes(32))
    try:
        assert press("/verifier", samples.CARD_FORM).headers["Location"] == "/connexion?fin=1"
    finally:
        desk.seal = before
